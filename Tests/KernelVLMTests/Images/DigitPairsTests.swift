import KernelVLM
import Testing

struct DigitPairsTests {
  /// Images of 2 x 3 pixels that begin with their index; the label is its last digit.
  private func digits(_ count: Int) -> LabelledImages {
    LabelledImages(
      images: (0..<count).flatMap { index in (0..<6).map { UInt8($0 == 0 ? index : 10 * $0) } },
      labels: (0..<count).map { UInt8($0 % 10) }, size: ImageSize(2, 3))
  }

  @Test func twoImagesStandSideBySideUnchanged() throws {
    let pairs = try DigitPairs().images(.train, of: digits(40))
    #expect(pairs.size == ImageSize(2, 6) && pairs.count == 80)
    for index in 0..<pairs.count {
      let image = Array(pairs[index])
      let (left, right) = (image[0], image[3])
      #expect(image == [left, 10, 20, right, 10, 20, 30, 40, 50, 30, 40, 50])
      #expect(pairs.labels[index] == 10 * (left % 10) + right % 10)
    }
  }

  @Test(arguments: [(Split.train, 2), (.test, 1)])
  func inEveryRunEachImageIsOnceOnTheLeftAndOnceOnTheRight(split: Split, runs: Int) throws {
    let pairs = try DigitPairs().images(split, of: digits(100))
    #expect(pairs.count == runs * 100)
    var orders: Set<[UInt8]> = []
    for run in 0..<runs {
      for start in [0, 3] {
        let order = (run * 100..<(run + 1) * 100).map { pairs.images[$0 * 12 + start] }
        #expect(order.sorted() == Array(0..<100))
        orders.insert(order)
      }
    }
    // Each permutation is another one, and none is the order of the images.
    #expect(orders.count == 2 * runs && !orders.contains(Array(0..<100)))
  }

  @Test func pairsDependOnSeedSplitAndImagesAlone() throws {
    let digits = digits(100)
    let pairs = try DigitPairs().images(.test, of: digits)
    #expect(try DigitPairs().images(.test, of: digits) == pairs)
    #expect(try DigitPairs().images(.train, of: digits).images.prefix(1200) != pairs.images[...])
    #expect(try DigitPairs(seed: 7).images(.test, of: digits) != pairs)
  }

  /// Computed with numpy.random.RandomState(42) from the same digits.
  @Test func theBytesAreTheSameEverywhere() throws {
    let pairs = try DigitPairs().images(.train, of: DrawnDigits().images(.train, 0..<500))
    #expect(pairs.sha256 == "4c2f35da4333caec5db222b8f16dfc6344980d92ed16216a1328b871804fa8c2")
  }

  @Test func thereAreAtMost10000TestPairs() throws {
    let digits = LabelledImages(
      images: [UInt8](repeating: 1, count: 12_000), labels: [UInt8](repeating: 4, count: 12_000),
      size: ImageSize(1, 1))
    let pairs = try DigitPairs().images(.test, of: digits)
    #expect(pairs.count == 10_000 && pairs.labels.allSatisfy { $0 == 44 })
    #expect(DigitPairs().count(.train, of: 60_000) == 120_000 && DigitPairs().count(.test, of: 10_000) == 10_000)
  }

  @Test func whatCannotBePairedIsRefused() throws {
    func message(_ images: LabelledImages) -> String? {
      #expect(throws: ConfigurationError.self) { try DigitPairs().images(.test, of: images) }?.description
    }
    let letter = LabelledImages(images: [0, 0], labels: [9, 10], size: ImageSize(1, 1))
    #expect(message(letter) == "label is 10, must be a digit, to be paired")
    let unnamed = try LabelledImages(bytes: [0], size: ImageSize(1, 1))
    #expect(message(unnamed) == "labels is none, must be one for each image")
    let wide = LabelledImages(images: [UInt8](repeating: 0, count: 513), labels: [1], size: ImageSize(1, 513))
    #expect(message(wide) == "width of the images is 513, must be at most 512, to be paired")
    let widest = LabelledImages(images: [UInt8](repeating: 0, count: 512), labels: [1], size: ImageSize(1, 512))
    #expect(try DigitPairs().images(.test, of: widest).size == ImageSize(1, 1024))
  }

  @Test func numbersHaveTheirNames() {
    let names = NumberNames.belowHundred
    #expect(names.count == 100 && Set(names).count == 100 && names[..<10] == Vocabulary.digitNames[...])
    let some = [
      7: "seven", 10: "ten", 13: "thirteen", 19: "nineteen", 20: "twenty", 42: "forty-two", 99: "ninety-nine",
    ]
    for (number, name) in some { #expect(names[number] == name) }
    #expect(names[30...].allSatisfy { $0.hasSuffix("ty") || $0.contains("ty-") })
    #expect(DigitPairs.names == names && names.map(\.count).max() == 13)
  }
}
