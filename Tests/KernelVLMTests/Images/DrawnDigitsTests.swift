import KernelVLM
import Testing

struct DrawnDigitsTests {
  private let digits = DrawnDigits()

  @Test func anImageDependsOnSeedSplitAndIndexAlone() {
    let whole = digits.images(.train, 0..<1200)
    let part = digits.images(.train, 701..<1103)
    #expect(part.labels == Array(whole.labels[701..<1103]))
    #expect((0..<402).allSatisfy { part[$0] == whole[$0 + 701] })
    #expect(digits.images(.test, 0..<1200).images != whole.images)
    #expect(DrawnDigits(seed: 43).images(.train, 0..<1200).images != whole.images)
  }

  /// Computed once and kept: the bytes must not depend on the machine, the compiler or its optimisation.
  @Test func theBytesAreTheSameEverywhere() {
    #expect(
      sha256Hex(of: digits.images(.train, 0..<1000).images)
        == "6feebf67e425b80b8940887064a802bd9c3c57d1cbd0ff1886a9d5b4d0f92cbf")
    #expect(
      sha256Hex(of: digits.images(.test, 9000..<10_000).images)
        == "67f564c64b54ff3edb910dddde94ce36b6694e742153a73c1c6d19114a0fdc1b")
  }

  @Test func everyDigitIsAboutAsFrequent() {
    let labels = digits.images(.test, 0..<10_000).labels
    var counts = [Int](repeating: 0, count: 10)
    for label in labels { counts[Int(label)] += 1 }
    // Chi-squared with 9 degrees of freedom is above 27.9 once in 1,000 seeds.
    #expect(counts.reduce(0) { $0 + ($1 - 1000) * ($1 - 1000) } < 27_900, "\(counts)")
  }

  @Test func everyImageHasInkAndStaysMostlyBlank() {
    let images = digits.images(.train, 0..<10_000)
    for index in 0..<images.count {
      let ink = images[index].reduce(0) { $0 + Int($1) } / 255
      #expect((8...350).contains(ink), "image \(index) has the ink of \(ink) pixels")
    }
  }

  @Test func anEmptyRangeGivesNoImages() {
    #expect(digits.images(.test, 5..<5).count == 0)
  }

  /// Hard enough to need a model, easy enough to be learnt; with MNIST's own 1000 and 300 first images it names 220.
  @Test func theNearestMeanImageNamesMostButNotAll() {
    var means = [[Double]](repeating: [Double](repeating: 0, count: 784), count: 10)
    let train = digits.images(.train, 0..<1000)
    for index in 0..<train.count {
      for (pixel, byte) in train[index].enumerated() { means[Int(train.labels[index])][pixel] += Double(byte) }
    }
    let lengths = means.map { mean in mean.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    let test = digits.images(.test, 0..<300)
    let right = (0..<test.count).count { index in
      let scores = zip(means, lengths).map { mean, length in
        zip(mean, test[index]).reduce(0) { $0 + $1.0 * Double($1.1) } / length
      }
      return scores.indices.max { scores[$0] < scores[$1] } == Int(test.labels[index])
    }
    #expect((200...276).contains(right), "\(right) of 300")
  }
}
