import KernelVLM
import Testing

struct DrawnShapesTests {
  private let shapes = DrawnShapes()

  @Test func anImageDependsOnSeedSplitAndIndexAlone() {
    let whole = shapes.images(.train, 0..<1200)
    let part = shapes.images(.train, 701..<1103, threads: 2, parallel: .threads)
    #expect(whole.size == ImageSize(24, 32) && part.labels == Array(whole.labels[701..<1103]))
    #expect((0..<402).allSatisfy { part[$0] == whole[$0 + 701] })
    #expect(shapes.images(.test, 0..<1200).images != whole.images)
    #expect(DrawnShapes(seed: 43).images(.train, 0..<1200).images != whole.images)
    #expect(shapes.images(.test, 5..<5).count == 0)
  }

  /// Computed once and kept: the bytes must not depend on the machine, the compiler or its optimisation.
  @Test func theBytesAreTheSameEverywhere() {
    #expect(
      sha256Hex(of: shapes.images(.train, 0..<1000).images)
        == "5d55392269fc7bc6b32b5c37c30dc3ff43a54a9f6427f49f96f165af65fb5901")
    #expect(
      sha256Hex(of: shapes.images(.test, 3000..<4000).images)
        == "0a2b93e0d86712a1e79b036c63a4ebcbeb4ace87958a59870da8f9a9d349ab36")
  }

  @Test func everyShapeHasANameAndIsAboutAsFrequent() {
    let labels = shapes.images(.test, 0..<4000).labels
    var counts = [Int](repeating: 0, count: DrawnShapes.names.count)
    for label in labels { counts[Int(label)] += 1 }
    // Chi-squared with 9 degrees of freedom is above 27.9 once in 1,000 seeds.
    #expect(counts.count == 10 && counts.reduce(0) { $0 + ($1 - 400) * ($1 - 400) } < 11_160, "\(counts)")
    #expect(throws: Never.self) { try Vocabulary(names: DrawnShapes.names) }
  }

  @Test func everyImageHasInkAndStaysMostlyBlank() {
    let images = shapes.images(.train, 0..<10_000)
    for index in 0..<images.count {
      let ink = images[index].reduce(0) { $0 + Int($1) } / 255
      #expect((15...450).contains(ink), "image \(index) has the ink of \(ink) pixels")
    }
  }

  /// Circles: as outlines their middle is blank, filled it is not, and both are frequent.
  @Test func outlinesAreEmptyOrFilled() {
    let images = shapes.images(.train, 0..<5000)
    var filled = [0, 0]
    for index in 0..<images.count where images.labels[index] == 0 {
      let image = Array(images[index])
      let inked = image.indices.filter { image[$0] > 0 }
      let row = (inked.map { $0 / 32 }.min() ?? 0) + (inked.map { $0 / 32 }.max() ?? 0)
      let column = (inked.map { $0 % 32 }.min() ?? 0) + (inked.map { $0 % 32 }.max() ?? 0)
      let middle = image[row / 2 * 32 + column / 2]
      #expect(middle == 0 || middle == 255, "image \(index): \(middle)")
      filled[middle == 0 ? 0 : 1] += 1
    }
    #expect(filled[0] > 200 && filled[1] > 200, "\(filled)")
  }

  /// Hard enough to need a model, easy enough to be learnt.
  @Test func theNearestMeanImageNamesSomeButNotMost() {
    let (pixels, train, test) = (24 * 32, shapes.images(.train, 0..<2000), shapes.images(.test, 0..<500))
    var means = [[Double]](repeating: [Double](repeating: 0, count: pixels), count: 10)
    for index in 0..<train.count {
      for (pixel, byte) in train[index].enumerated() { means[Int(train.labels[index])][pixel] += Double(byte) }
    }
    let lengths = means.map { mean in mean.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    let right = (0..<test.count).count { index in
      let scores = zip(means, lengths).map { mean, length in
        zip(mean, test[index]).reduce(0) { $0 + $1.0 * Double($1.1) } / length
      }
      return scores.indices.max { scores[$0] < scores[$1] } == Int(test.labels[index])
    }
    print("Shapes: the nearest mean names \(right) of 500")
    #expect((75...300).contains(right), "\(right) of 500")
  }
}
