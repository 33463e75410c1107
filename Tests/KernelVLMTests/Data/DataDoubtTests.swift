import Foundation
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

/// What is said of images that look wrong. Measured are samples of 60 to 1000 images.
struct DataDoubtTests {
  private let names = Vocabulary.digitNames
  private let drawn = DrawnDigits(seed: 7).images(.test, 0..<2000)

  /// Samples of this size, one after the other.
  private func samples(_ images: LabelledImages, of size: Int) -> [Range<Int>] {
    Swift.stride(from: 0, to: min(images.count, 10_000) - size + 1, by: size).prefix(20).map { $0..<$0 + size }
  }

  /// The least and the greatest difference of the two correlations, and the least of the better one.
  private func measure(_ images: LabelledImages, isInverted: Bool = false) throws -> (ClosedRange<Float>, fit: Float) {
    var (differences, fits): ([Float], [Float]) = ([], [])
    for size in [60, 100, 300, 1000] where size <= images.count {
      for sample in samples(images, of: size) {
        let fit = try #require(images.correlations(sample, isInverted: isInverted))
        differences.append(fit.transposed - fit.upright)
        fits.append(max(fit.transposed, fit.upright))
      }
    }
    return (try #require(differences.min())...(try #require(differences.max())), try #require(fits.min()))
  }

  private func checkDigits(_ images: LabelledImages, _ title: String) throws {
    let upright = try measure(images)
    let transposed = try measure(images.transposed)
    let inverted = try measure(images.inverted, isInverted: true)
    print("Correlation transposed less upright, \(title): \(upright), transposed \(transposed), inverted \(inverted)")
    #expect(upright.0.upperBound < -0.25 && transposed.0.lowerBound > 0.25 && inverted.0.upperBound < -0.25)
    #expect(min(upright.fit, transposed.fit, inverted.fit) > 0.4)
    #expect(images.doubts(names: names) == [] && images.transposed.doubts(names: names) == [.transposed])
    #expect(images.inverted.doubts(names: names) == [.lightBackground])
    #expect(images.inverted.transposed.doubts(names: names) == [.lightBackground, .transposed])
  }

  @Test func drawnDigitsRaiseNoDoubtButTransposedOrInverted() throws { try checkDigits(drawn, "drawn") }

  @Test(.enabled(if: MNISTAvailability.isPresent, MNISTAvailability.reason), arguments: Split.allCases)
  func mnistRaisesNoDoubtButTransposedOrInverted(split: Split) throws {
    let folder = try #require(MNISTAvailability.folder)
    try checkDigits(DataSource.folder(folder).load(split).images, "mnist \(split)")
  }

  /// Images that are no digits, but have their labels: those of MNIST with its labels exchanged.
  @Test(.enabled(if: MNISTAvailability.isPresent, MNISTAvailability.reason))
  func otherImagesWithTenLabelsAreNotTakenForTransposedDigits() throws {
    let images = try DataSource.folder(try #require(MNISTAvailability.folder)).load(.test).images
    var (best, differences): (Float, [Float]) = (-1, [])
    for (factor, term) in [1, 3, 7, 9].flatMap({ factor in (0..<10).map { (factor, $0) } }) {
      let order = (0..<10).map { UInt8((factor * $0 + term) % 10) }
      // All but one at other places.
      guard order.indices.count(where: { order[$0] == $0 }) < 2 else { continue }
      let other = LabelledImages(
        images: images.images, labels: images.labels.map { order[Int($0)] }, size: ImageSize(28, 28))
      let fit = try #require(other.correlations(Swift.stride(from: 0, to: 10_000, by: 10), isInverted: false))
      best = max(best, fit.upright, fit.transposed)
      differences.append(fit.transposed - fit.upright)
      #expect(other.doubts(names: names) == [])
    }
    print("Other images: \(differences.min() ?? 0) to \(differences.max() ?? 0), correlation at most \(best)")
  }

  @Test func onlyTheTenDigitsAreJudgedAndOnlyIfThereAreEnough() {
    let transposed = drawn.transposed
    #expect(transposed.doubts(names: ["a"] + names.dropFirst()) == [])
    func part(_ range: Range<Int>) -> LabelledImages {
      LabelledImages(
        images: Array(transposed.images[range.lowerBound * 784..<range.upperBound * 784]),
        labels: Array(transposed.labels[range]), size: ImageSize(28, 28))
    }
    #expect(part(0..<8).doubts(names: names) == [] && part(0..<100).doubts(names: names) == [.transposed])
    let letters = LabelledImages(
      images: transposed.images, labels: transposed.labels.map { $0 + 1 }, size: ImageSize(28, 28))
    #expect(letters.doubts(names: names) == [])
    let blank = LabelledImages(
      images: [UInt8](repeating: 0, count: 50 * 784), labels: (0..<50).map { $0 % 10 }, size: ImageSize(28, 28))
    #expect(blank.doubts(names: names) == [])
  }

  /// Each row twice, one below the other: the same means, in as many bins.
  @Test func digitsThatAreNotSquareAreJudgedToo() {
    for (digits, doubts) in [(drawn, []), (drawn.transposed, [.transposed])] as [(LabelledImages, [DataDoubt])] {
      let pixels = (0..<1000).flatMap { index in
        stride(from: 0, to: 784, by: 28).flatMap { row in
          let row = digits[index].dropFirst(row).prefix(28)
          return row + row
        }
      }
      let tall = LabelledImages(images: pixels, labels: Array(digits.labels.prefix(1000)), size: ImageSize(56, 28))
      #expect(tall.doubts(names: names) == doubts)
    }
  }

  /// Rows and columns are not exchanged.
  @Test func theBorderOfAnOblongImageIsJudged() {
    func image(_ size: ImageSize, border: UInt8, inside: UInt8) -> LabelledImages {
      let pixels = (0..<size.pixels).map { pixel in
        let (row, column) = pixel.quotientAndRemainder(dividingBy: size.width)
        let isBorder = row % (size.height - 1) == 0 || column % (size.width - 1) == 0
        return isBorder ? border : inside
      }
      return LabelledImages(images: pixels, labels: [0], size: size)
    }
    for size in [ImageSize(3, 9), ImageSize(9, 3)] {
      #expect(image(size, border: 130, inside: 0).doubts(names: []) == [.lightBackground])
      #expect(image(size, border: 120, inside: 255).doubts(names: []) == [])
    }
  }

  /// The outermost pixels alone count, of every image and on every side.
  @Test func theBackgroundIsJudgedByTheBorder() {
    func image(_ pixel: (Int, Int) -> UInt8) -> LabelledImages {
      LabelledImages(images: (0..<16).map { pixel($0 / 4, $0 % 4) }, labels: [0], size: ImageSize(4, 4))
    }
    #expect(
      image { row, column in (1...2).contains(row) && (1...2).contains(column) ? 255 : 120 }.doubts(names: []) == [])
    for isBorder in [{ row, _ in row == 0 }, { row, _ in row == 3 }, { _, column in column == 0 }, { $1 == 3 }]
      as [(Int, Int) -> Bool]
    {
      #expect(image { isBorder($0, $1) ? 255 : 30 }.doubts(names: []) == [])
      #expect(image { isBorder($0, $1) ? 0 : 255 }.doubts(names: []) == [.lightBackground])
    }
    #expect(LabelledImages(images: [128], labels: [0], size: ImageSize(1, 1)).doubts(names: []) == [.lightBackground])
  }
}

extension LabelledImages {
  private func mapped(_ body: (_ image: [UInt8]) -> [UInt8]) -> LabelledImages {
    LabelledImages(images: (0..<count).flatMap { body(Array(self[$0])) }, labels: labels, size: size)
  }

  /// With rows for columns.
  fileprivate var transposed: LabelledImages {
    let side = size.height
    return mapped { image in (0..<side * side).map { image[$0 % side * side + $0 / side] } }
  }

  fileprivate var inverted: LabelledImages { mapped { $0.map { 255 - $0 } } }
}
