import ReferenceKernels
import Testing

@testable import KernelVLMCore

struct PoolingCase: Operation {
  let from: ImageSize
  let to: ImageSize

  func run<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) {
    kernels.poolingForward(
      bench.output("x", 1, to.pixels), image: bench.bytes("image", from.pixels).span, from: from, to: to)
  }
}

struct PoolingOfNumbersCase: Operation {
  let from: ImageSize
  let to: ImageSize

  func run<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) {
    kernels.poolingForward(
      bench.output("x", 1, to.pixels), numbers: bench.input("image", 1, from.pixels), from: from, to: to)
  }
}

/// A black image has means of 0.
struct PoolingOfNothing: Operation {
  func run<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) {
    kernels.poolingForward(
      bench.output("x", 1, 16), image: [UInt8](repeating: 0, count: 64).span, from: ImageSize(8, 8),
      to: ImageSize(4, 4))
  }
}

@Suite struct PoolingTests {
  static let sizes =
    [
      (28, 14), (28, 28), (28, 27), (28, 5), (28, 1), (1, 1), (2, 1), (3, 2), (7, 7), (16, 8), (17, 8), (34, 17),
      (64, 32), (300, 2),
    ].map { (from: ImageSize($0, $0), to: ImageSize($1, $1)) } + [
      (from: ImageSize(28, 56), to: ImageSize(14, 28)), (from: ImageSize(28, 56), to: ImageSize(14, 14)),
      (from: ImageSize(28, 56), to: ImageSize(28, 28)), (from: ImageSize(5, 9), to: ImageSize(5, 9)),
      (from: ImageSize(1, 40), to: ImageSize(1, 7)), (from: ImageSize(40, 1), to: ImageSize(7, 1)),
      (from: ImageSize(17, 40), to: ImageSize(5, 33)), (from: ImageSize(2, 66), to: ImageSize(1, 33)),
    ]
  static let cases = sizes.map { PoolingCase(from: $0.from, to: $0.to) }
  static let casesOfNumbers = sizes.map { PoolingOfNumbersCase(from: $0.from, to: $0.to) }

  @Test(arguments: cases) func agreesWithTheReference(_ operation: PoolingCase) { expectParity(operation) }
  @Test(arguments: casesOfNumbers) func agreesWithTheReference(_ operation: PoolingOfNumbersCase) {
    expectParity(operation)
  }
  @Test func agreesOnABlackImage() { expectParity(PoolingOfNothing()) }
  @Test(arguments: [cases[0], cases[1], cases[3]])
  func aFaultIsCaught(_ operation: PoolingCase) { expectFaultsCaught(operation) }
  @Test(arguments: [casesOfNumbers[0], casesOfNumbers[1], casesOfNumbers[3]])
  func aFaultIsCaught(_ operation: PoolingOfNumbersCase) { expectFaultsCaught(operation) }

  /// Without bins to sum, bytes become what they are over 255, and numbers stay what they are.
  @Test func anImageOfTheSameSizeKeepsItsPixels() {
    let size = ImageSize(3, 86)
    let bytes = (0..<size.pixels).map { UInt8(truncatingIfNeeded: $0) }
    let pixels = bytes.map { Float($0) / 255 }
    func expectKept<K: Kernels>(_ kernels: K) where K.Scalar == Float {
      let (x, y) = (Buffer<Float>(count: size.pixels), Buffer<Float>(count: size.pixels))
      kernels.poolingForward(x.matrix(rows: 1, columns: size.pixels), image: bytes.span, from: size, to: size)
      kernels.poolingForward(
        y.matrix(rows: 1, columns: size.pixels), numbers: x.matrix(rows: 1, columns: size.pixels), from: size,
        to: size)
      #expect(x.values == pixels && y.values == pixels, "\(kernels)")
    }
    for kernels in everyCKernels { expectKept(kernels) }
    expectKept(Reference<Float>())
  }

  /// Bins of 2 × 3 of an image that is twice as high and three times as wide.
  @Test func binsAreAsWideAsTheWidthSays() {
    let bytes: [UInt8] = [255, 255, 255, 0, 0, 0, 255, 255, 255, 51, 51, 51]
    let x = Buffer<Double>(count: 2)
    Reference<Double>()
      .poolingForward(
        x.matrix(rows: 1, columns: 2), image: bytes.span, from: ImageSize(2, 6), to: ImageSize(1, 2))
    #expect(x.values == [1, 0.1])
  }

  /// More than 2³¹ in a bin: the sum of 2904² white pixels.
  @Test func aBinMayHoldMoreThan32Bits() throws {
    let (side, half) = (5809, 2904)
    var bytes = [UInt8](repeating: 255, count: side * side)
    for row in 0..<half {
      for column in half..<side { bytes[row * side + column] = 51 }
    }
    for row in half..<side {
      for column in 0..<half { bytes[row * side + column] = 0 }
    }
    let expected = [1, 0.2, 0, 1]
    func expectPooled<K: Kernels>(_ kernels: K) {
      let x = Buffer<K.Scalar>(count: 4)
      kernels.poolingForward(
        x.matrix(rows: 1, columns: 4), image: bytes.span, from: ImageSize(side, side), to: ImageSize(2, 2))
      #expect(relativeError(x.values, expected) < 1e-6, "\(kernels)")
    }
    for kernels in everyCKernels { expectPooled(kernels) }
    expectPooled(Reference<Double>())
  }

  /// The input of a model for image `index`: pooled, and of length 1.
  private func pooled<Scalar: KernelScalar>(
    _ images: LabelledImages, _ index: Int, size: Int, as type: Scalar.Type = Scalar.self
  ) throws -> [Scalar] {
    let workspace = Workspace<Scalar>()
    let x = workspace.arena.matrix(1, size * size)
    _ = try ImageInput(of: images.size, pooled: ImageSize(size, size))
      .forward(Reference<Scalar>(), images, CollectionOfOne(index), weights: [], into: x, &workspace.arena)
    return withExtendedLifetime(workspace) { x.elements }
  }

  private func norm(_ x: [Double]) -> Double { x.reduce(0) { $0 + $1 * $1 }.squareRoot() }

  /// A 28 x 28 image of different bytes behind another one, so that the index counts.
  private let images: LabelledImages = {
    let bytes = (0..<2 * 784).map { UInt8(truncatingIfNeeded: $0 * $0 / 3 + $0) }
    return LabelledImages(images: bytes, labels: [0, 1], size: ImageSize(28, 28))
  }()

  @Test(arguments: [1, 5, 14, 27, 28]) func doubleAgreesWithTheFormulaWrittenOut(size: Int) throws {
    var pixels: [Double] = []
    for r in 0..<size {
      for c in 0..<size {
        var bin: [Double] = []
        for i in 28 * r / size..<28 * (r + 1) / size {
          for j in 28 * c / size..<28 * (c + 1) / size { bin.append(Double(images[1][784 + 28 * i + j]) / 255) }
        }
        pixels.append(bin.reduce(0, +) / Double(bin.count))
      }
    }
    let length = norm(pixels) + 1e-8
    // Rounding: at most n + 2 operations in a mean, P + 2 in the norm, each of half an ulp.
    let bound = Double(28 * 28 + 8) * Double.ulpOfOne
    for (x, pixel) in zip(try pooled(images, 1, size: size, as: Double.self), pixels) {
      #expect(abs(x - pixel / length) <= bound * (pixel / length))
    }
  }

  @Test func twoByTwoPoolingOfAKnownImageIsExact() throws {
    let image = LabelledImages(
      images: [255, 255, 0, 0, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], labels: [3], size: ImageSize(4, 4))
    #expect(try pooled(image, 0, size: 2, as: Double.self) == [1 / (1 + 1e-8), 0, 0, 0])
  }

  @Test func theFirstBinOfAnUnevenDivisionIsTheSmallerOne() throws {
    let image = LabelledImages(images: [255, 0, 0, 0, 0, 0, 0, 0, 255], labels: [3], size: ImageSize(3, 3))
    let x = try pooled(image, 0, size: 2, as: Double.self)
    #expect(x[1] == 0 && x[2] == 0 && abs(x[0] / x[3] - 4) < 1e-15)
  }

  @Test func floatAgreesWithDouble() throws {
    let float = try pooled(images, 0, size: 14, as: Float.self)
    let double = try pooled(images, 0, size: 14, as: Double.self)
    let bound = Double(14 * 14 + 8) * Double(Float.ulpOfOne)
    for (f, d) in zip(float, double) { #expect(abs(Double(f) - d) <= bound * d) }
  }

  @Test func anInputHasLengthOneAndABlankImageLengthZero() throws {
    #expect(abs(norm(try pooled(images, 0, size: 14, as: Double.self)) - 1) < 1e-7)
    let blank = LabelledImages(images: [UInt8](repeating: 0, count: 784), labels: [0], size: ImageSize(28, 28))
    #expect(try pooled(blank, 0, size: 14, as: Float.self).allSatisfy { $0 == 0 })
  }

  @Test(arguments: [0, -1, 29]) func aSizeWithEmptyBinsIsRefused(size: Int) {
    let error = #expect(throws: ConfigurationError.self) { _ = try ImageInput(of: 28, pooled: ImageSize(size, size)) }
    #expect(error?.description == "image size is \(size) x \(size), must be 1 x 1 to 28 x 28, the size of the images")
  }
}
