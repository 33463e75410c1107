import Foundation
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

/// Commands take the images that they are told: this split, this index.
@Suite struct ChosenImagesTests {
  static let train = DrawnDigits().images(.train, 0..<3)
  static let test = DrawnDigits().images(.test, 0..<40)

  /// A model of a few steps, and a folder with different images in its two splits.
  private func withModel(_ body: (_ model: String, _ folder: String) throws -> Void) throws {
    try withTemporaryFolder { folder in
      for (split, images) in [(Split.train, Self.train), (.test, Self.test)] {
        let files = MNIST.files(split)
        try write(idxFile([images.count, 28, 28], images.images), to: files.images.path(in: folder))
        try write(idxFile([images.count], images.labels), to: files.labels.path(in: folder))
      }
      let model = "\(folder)/model.safetensors"
      try #require(try CommandRun("train", "--data", "drawn", "--steps", "300", "--save", model).status == 0)
      try body(model, folder)
    }
  }

  @Test func evaluateTakesTheSplit() throws {
    try withModel { model, folder in
      for (split, images) in [("train", Self.train), ("test", Self.test)] {
        let result = try CommandRun("evaluate", model, "--data", folder, "--split", split, "--json").json()
        #expect(result["split"] as? String == split && result["count"] as? Int == images.count)
        let confusion = try #require(result["confusion"] as? [[Int]])
        #expect(confusion.map { $0.reduce(0, +) } == (0..<10).map { label in images.labels.count { $0 == label } })
      }
    }
  }

  @Test func seeDrawsAndSpellsTheImageOfTheIndex() throws {
    try withModel { model, folder in
      let words = try KernelChoice().model(Checkpoint(path: model)).spell(Self.test, 0..<40, threads: 1).map(\.word)
      let other = try #require(words.firstIndex { $0 != words[0] }, "a model that spells one word shows nothing")
      for index in [0, other, 39] {
        let run = try CommandRun("see", model, "--data", folder, "--index", "\(index)")
        #expect(run.status == 0 && run.output.contains("Spelled: \(words[index]) "))
        // Five shades, two characters for each pixel.
        let shades = Array(" ░▒▓█")
        let picture = Self.test[index].map { shades[(Int($0) * 4 + 127) / 255] }
        let lines = run.output.split(separator: "\n", omittingEmptySubsequences: false)
        for row in 0..<28 {
          let expected = picture[28 * row..<28 * (row + 1)].flatMap { [$0, $0] }
          #expect(String(lines[row]) == String(String(expected).reversed().drop { $0 == " " }.reversed()), "row \(row)")
        }
      }
    }
  }
}
