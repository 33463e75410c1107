import ReferenceKernels
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

@Suite struct SeenImagesTests {
  private let names = ["a", "b", "c"]
  private let images = LabelledImages(
    images: [UInt8](repeating: 7, count: 8), labels: [0, 1, 2, 1, 0, 2, 1, 0], size: 1)

  private func indices(heldOut: Int = 0, unseen: [String] = []) throws -> [Int] {
    var recipe = Recipe()
    (recipe.heldOut, recipe.unseen) = (heldOut, unseen)
    let seen = try SeenImages(images, recipe: recipe, names: names)
    return (0..<seen.count).map { seen[$0] }
  }

  @Test func theyAreAllButThoseOfUnseenNamesAndTheLastOnes() throws {
    #expect(try indices() == Array(0..<8))
    #expect(try indices(heldOut: 3) == [0, 1, 2, 3, 4])
    #expect(try indices(unseen: ["b"]) == [0, 2, 4, 5, 7])
    #expect(try indices(heldOut: 3, unseen: ["c", "a"]) == [1, 3])
  }

  @Test(
    arguments: [
      (8, [], "held out is 8, must be less than the 8 images to train on"),
      (0, ["d"], "unseen name is \"d\", must be one of the model's 3 names"),
      (0, ["a", "b", "c"], "unseen names is 3, must be fewer: no image is left to train on"),
      (7, ["a"], "unseen names is 1, must be fewer: no image is left to train on"),
    ] as [(Int, [String], String)])
  func noneLeftIsRefused(heldOut: Int, unseen: [String], message: String) {
    let error = #expect(throws: ConfigurationError.self) { try indices(heldOut: heldOut, unseen: unseen) }
    #expect(error?.description == message)
  }
}

@Suite struct NamePartsTests {
  @Test func ofNamesWithAHyphenBothPartsAreCounted() throws {
    let names = ["seven", "twenty", "twenty-one", "forty-two"]
    let parts = try #require(
      NameParts(
        words: ["seven", "sev-en", "twenty-one", "twenty", "forty-one", "two-forty-two", "twenty-", "fortytwo"],
        labels: [0, 1, 2, 2, 3, 3, 2, 3], names: names))
    #expect(parts.count == 8)
    // Right: seven, twenty-one, forty-one, two-forty-two, twenty-.
    #expect(parts.hyphen == 5)
    #expect(parts.composed == 6)
    // twenty-one, twenty, forty-one, twenty-.
    #expect(parts.tens == 4)
    // twenty-one alone.
    #expect(parts.units == 1)
  }

  @Test func withoutAHyphenThereAreNoParts() {
    #expect(NameParts(words: ["one"], labels: [0], names: ["one"]) == nil)
  }
}
