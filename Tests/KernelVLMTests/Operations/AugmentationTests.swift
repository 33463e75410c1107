import Foundation
import ReferenceKernels
import Testing

@testable import KernelVLMCore

struct AugmentationCase: Operation {
  let size: ImageSize
  let strength: AugmentationStrength
  var seed: UInt64 = 42
  var draw: UInt64 = 7

  func run<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) {
    kernels.augmentationForward(
      bench.output("y", 1, size.pixels), image: bench.bytes("image", size.pixels).span, size: size,
      strength: strength, seed: seed, draw: draw, scratch: bench.scratch("scratch", 1, size.augmentationScratch))
  }
}

@Suite struct AugmentationTests {
  static let digits = ImageSize(28, 28)
  static let sizes = [
    digits, ImageSize(28, 56), ImageSize(1, 1), ImageSize(3, 7), ImageSize(7, 3), ImageSize(1, 8), ImageSize(9, 1),
    ImageSize(15, 16), ImageSize(40, 17), ImageSize(17, 33),
  ]
  static let strengths = [
    AugmentationStrength(rotation: 6, shift: 1, zoom: 0.08, shear: 0.05, elastic: 2),
    AugmentationStrength(rotation: 8, shift: 1.5, zoom: 0.1, shear: 0.05, elastic: 2),
    AugmentationStrength(rotation: 6, shift: 1, zoom: 0.08, shear: 0.05),
    AugmentationStrength(elastic: 2),
    // Half a turn, all of it outside, zooms of 0 and 2, points that fold the image.
    AugmentationStrength(rotation: 180), AugmentationStrength(shift: 300), AugmentationStrength(zoom: 1, shear: 3),
    AugmentationStrength(rotation: 180, shift: 9, zoom: 0.9, shear: 1, elastic: 50),
    AugmentationStrength(),
  ]
  static let cases =
    sizes.flatMap { size in strengths.map { AugmentationCase(size: size, strength: $0) } }
    + [0, 1, 0x8000_0000_0000_0000, .max].flatMap { (draw: UInt64) in
      [0, .max].map { AugmentationCase(size: digits, strength: strengths[0], seed: $0, draw: draw) }
    } + [AugmentationCase(size: ImageSize(224, 224), strength: strengths[1])]

  @Test(arguments: cases) func agreesWithTheReference(_ operation: AugmentationCase) { expectParity(operation) }

  @Test(arguments: [
    AugmentationCase(size: digits, strength: strengths[0]), AugmentationCase(size: sizes[8], strength: strengths[2]),
  ])
  func aFaultIsCaught(_ operation: AugmentationCase) { expectFaultsCaught(operation) }

  /// The bound that the reference derives: along both axes a place is a sum of some 20 numbers, whose terms are below 128
  /// together, with a rounding of 2⁻²⁴ of that each. For each pixel that the place moves a pixel changes by at most 1, and
  /// by four where a bound counts four columns. Twice that is less than one of 255 grey levels.
  @Test func theBoundIsThatOfThePlace() {
    let expectation = Expectation(AugmentationCase(size: Self.digits, strength: Self.strengths[0]))
    let tolerances = expectation.values["y"]?.map(\.tolerance) ?? []
    #expect(tolerances.count == 784 && tolerances.allSatisfy { $0 < 2 * 4 * 2 * 20 * 128 * 0x1p-24 })
  }

  /// Made with integers of Python from the recipe's formulas.
  static let words: [(seed: UInt64, draw: UInt64, key: UInt64, words: [Int: (word: UInt64, first: Int, second: Int)])] =
    [
      (
        0, 0, 0x4821_8226_ff3c_d4bf,
        [
          1: (0x568a_9b0b_1a2c_05ec, -2_717_029, -7_661_012), 2: (0x44e5_b8b1_47ef_718b, -3_873_352, 3_229_679),
          3: (0x4585_63ab_5552_1133, -3_832_477, 2_839_890), 52: (0x7a27_f0d4_c559_8461, -382_992, 5_555_545),
        ]
      ),
      (
        42, 7, 0xb1ea_561e_1a81_9115,
        [
          1: (0xe065_8b4d_384c_699a, 6_317_451, -3_327_924), 2: (0x75d2_1f9a_7320_5bd7, -667_105, 1_733_408),
          3: (0xe110_59bb_c5e4_fa47, 6_361_177, 3_917_284), 52: (0x4cc8_cf51_72d7_47d4, -3_356_465, -3_050_793),
        ]
      ),
      (
        .max, .max, 0xe8ba_9f99_ca93_3538,
        [
          1: (0x082e_e7e0_af54_62c6, -7_852_313, 6_336_340), 2: (0xa7be_63d7_ba88_34de, 2_604_643, 5_749_384),
          3: (0xb59a_ef6f_fd2c_00be, 3_513_071, -1_049_300), 52: (0x1412_7e2b_6300_7b50, -7_073_154, -5_545_216),
        ]
      ),
    ]

  @Test(arguments: words.indices) func wordsAreTheRecipes(_ index: Int) {
    let expected = Self.words[index]
    let words = AugmentationWords(seed: expected.seed, draw: expected.draw)
    #expect(words.key == expected.key)
    for (k, word) in expected.words {
      #expect(words[k] == word.word, "word \(k)")
      #expect(words.first(k, as: Float.self) == Float(word.first) / 0x1p23)
      #expect(words.second(k, as: Double.self) == Double(word.second) / 0x1p23)
    }
  }

  /// A 28 × 28 image has 7 × 7 control points, whose words are 4 to 52.
  @Test func theGridHasAPointForEachKnotAndThreeMore() {
    #expect(Self.digits.controlPoints == ImageSize(7, 7))
    #expect(ImageSize(1, 7).controlPoints == ImageSize(4, 4))
    #expect(ImageSize(8, 224).controlPoints == ImageSize(5, 35))
  }

  /// Of every size: what C keeps fits into scratch, where the guards behind it would be overwritten.
  @Test func scratchIsLargeEnough() {
    for height in [1, 2, 6, 7, 8, 13, 29, 100] {
      for width in [1, 2, 6, 7, 8, 13, 15, 16, 17, 29, 100, 399] {
        let operation = AugmentationCase(size: ImageSize(height, width), strength: Self.strengths[0])
        for kernels in everyCKernels { _ = results(of: operation, kernels) }
      }
    }
  }

  private func augmented<K: Kernels>(_ kernels: K, _ bytes: [UInt8], _ operation: AugmentationCase) -> [K.Scalar] {
    let size = operation.size
    let (y, scratch) = (Buffer<K.Scalar>(count: size.pixels), Buffer<K.Scalar>(count: size.augmentationScratch))
    kernels.augmentationForward(
      y.matrix(rows: 1, columns: size.pixels), image: bytes.span, size: size, strength: operation.strength,
      seed: operation.seed, draw: operation.draw,
      scratch: scratch.matrix(rows: 1, columns: size.augmentationScratch))
    return y.values
  }

  /// C on every instruction set, and the reference in Float.
  private func onAll(_ bytes: [UInt8], _ operation: AugmentationCase) -> [[Float]] {
    everyCKernels.map { augmented($0, bytes, operation) } + [augmented(Reference<Float>(), bytes, operation)]
  }

  private func bytes(_ size: ImageSize) -> [UInt8] {
    (0..<size.pixels).map { UInt8(truncatingIfNeeded: $0 &* $0 / 3 &+ 7 &* $0) }
  }

  @Test(arguments: sizes) func strengthZeroGivesTheBytesOver255(_ size: ImageSize) {
    #expect(AugmentationStrength().isIdentity && !AugmentationStrength(shear: 0.1).isIdentity)
    let bytes = bytes(size)
    for y in onAll(bytes, AugmentationCase(size: size, strength: AugmentationStrength())) {
      #expect(y == bytes.map { Float($0) / 255 })
    }
  }

  /// A place that is a sum of less than eight numbers, below 32 as are their sums, has an error of as many roundings; and
  /// for each pixel that a place moves, along either axis, a pixel changes by at most 1.
  static let pixelError: Float = 2 * 8 * 32 * 0x1p-24

  /// Draws 974990 and 37368343 of seed 42 shift by (a, −a) and by (a, a), so that a shift of 3 / |a| is one by 3 pixels.
  @Test(arguments: [
    (974_990, -6_016_840, -3, 3), (37_368_343, -6_579_372, -3, -3),
  ])
  func aShiftByWholePixelsMovesTheImage(draw: UInt64, a: Double, tx: Int, ty: Int) {
    for size in [Self.digits, ImageSize(9, 21)] {
      let (bytes, strength) = (bytes(size), AugmentationStrength(shift: 3 / (a.magnitude / 0x1p23)))
      var moved = [Float](repeating: 0, count: size.pixels)
      for row in max(0, -ty)..<min(size.height, size.height - ty) {
        for column in max(0, -tx)..<min(size.width, size.width - tx) {
          moved[row * size.width + column] = Float(bytes[(row + ty) * size.width + column + tx]) / 255
        }
      }
      for y in onAll(bytes, AugmentationCase(size: size, strength: strength, draw: draw)) {
        #expect(zip(y, moved).allSatisfy { abs($0 - $1) < Self.pixelError })
      }
    }
  }

  /// Draw 7 of seed 42 turns by 6317451 / 2²³ of the strength: by 90 degrees, y(r, c) = image(c, W − 1 − r).
  @Test func aQuarterTurnTurnsTheImage() {
    let bytes = bytes(Self.digits)
    let strength = AugmentationStrength(rotation: 90 / (6_317_451 / 0x1p23))
    for y in onAll(bytes, AugmentationCase(size: Self.digits, strength: strength)) {
      for row in 0..<28 {
        for column in 0..<28 {
          let expected = Float(bytes[28 * column + 27 - row]) / 255
          #expect(abs(y[28 * row + column] - expected) < Self.pixelError)
        }
      }
    }
  }

  /// The formula written another way: the matrix as steps one after the other, the spline as a sum of truncated powers,
  /// the neighbours by their indices.
  @Test(arguments: [digits, ImageSize(28, 56), ImageSize(3, 7), ImageSize(40, 17)], [UInt64(0), 7, .max])
  func doubleIsTheFormulaWrittenOut(size: ImageSize, draw: UInt64) {
    let (bytes, s) = (bytes(size), Self.strengths[1])
    let words = AugmentationWords(seed: 42, draw: draw)
    func number(_ k: Int) -> (first: Double, second: Double) { (words.first(k), words.second(k)) }
    func spline(_ x: Double) -> Double {
      let powers = [(0.0, 1.0), (1, -4), (2, 6), (3, -4), (4, 1)]
      return powers.map { knot, factor in factor * pow(max(0, x - knot), 3) / 6 }.reduce(0, +)
    }
    let (rows, columns) = ((size.height - 1) / 7 + 4, (size.width - 1) / 7 + 4)
    let y = augmented(Reference<Double>(), bytes, AugmentationCase(size: size, strength: s, draw: draw))
    for row in 0..<size.height {
      for column in 0..<size.width {
        let x = Double(column) - Double(size.width) / 2 + 0.5
        let down = Double(row) - Double(size.height) / 2 + 0.5
        let sheared = (1 + s.zoom * number(2).first) * x + s.shear * number(1).second * down
        let zoomed = (1 + s.zoom * number(2).second) * down
        let angle = s.rotation * number(1).first / 180 * Double.pi
        var u = cos(angle) * sheared - sin(angle) * zoomed + s.shift * number(3).first + Double(size.width - 1) / 2
        var v = sin(angle) * sheared + cos(angle) * zoomed + s.shift * number(3).second + Double(size.height - 1) / 2
        for i in 0..<rows {
          for j in 0..<columns {
            let weight =
              spline((Double(row) + 0.5) / 7 + 3 - Double(i)) * spline((Double(column) + 0.5) / 7 + 3 - Double(j))
            u += weight * s.elastic * number(4 + columns * i + j).first
            v += weight * s.elastic * number(4 + columns * i + j).second
          }
        }
        func pixel(_ r: Double, _ c: Double) -> Double {
          guard r >= 0 && c >= 0 && r < Double(size.height) && c < Double(size.width) else { return 0 }
          return Double(bytes[Int(r) * size.width + Int(c)]) / 255
        }
        let (top, left) = (floor(v), floor(u))
        let upper = (left + 1 - u) * pixel(top, left) + (u - left) * pixel(top, left + 1)
        let lower = (left + 1 - u) * pixel(top + 1, left) + (u - left) * pixel(top + 1, left + 1)
        let expected = (top + 1 - v) * upper + (v - top) * lower
        // The truncated powers, of up to (columns + 3)³, cancel to numbers below 1.
        #expect(abs(y[row * size.width + column] - expected) < 1e-11)
      }
    }
  }

  /// Settings are checked elsewhere; but whatever they are, only the image is read, and only y is written.
  @Test(arguments: [Double.nan, .infinity, -.infinity, 1e300, -1e300, 1e30])
  func whatIsNoStrengthReadsNothingOutside(value: Double) {
    let strengths = [
      AugmentationStrength(rotation: value), AugmentationStrength(shift: value), AugmentationStrength(zoom: value),
      AugmentationStrength(shear: value), AugmentationStrength(elastic: value),
      AugmentationStrength(rotation: value, shift: value, zoom: value, shear: value, elastic: value),
    ]
    for size in [Self.digits, ImageSize(1, 1), ImageSize(3, 7), ImageSize(40, 17)] {
      for strength in strengths {
        let operation = AugmentationCase(size: size, strength: strength)
        func expectPixels<K: Kernels>(_ kernels: K) {
          let y = results(of: operation, kernels)["y"] ?? []
          #expect(y.count == size.pixels && y.allSatisfy { $0 >= 0 && $0 <= 1 }, "\(kernels): \(strength), \(size)")
        }
        for kernels in everyCKernels { expectPixels(kernels) }
        expectPixels(Reference<Float>())
      }
    }
  }

  @Test func aPlaceThatIsNaNGivesBlack() {
    let bytes = [UInt8](repeating: 255, count: 784)
    for y in onAll(bytes, AugmentationCase(size: Self.digits, strength: AugmentationStrength(rotation: .nan))) {
      #expect(y == [Float](repeating: 0, count: 784))
    }
  }

  /// Neither of the two alone decides.
  @Test func anotherSeedOrDrawIsAnotherImage() {
    let bytes = bytes(Self.digits)
    let images = [(0, 0), (0, 1), (1, 0), (1, 1)].map { (seed: UInt64, draw: UInt64) in
      augmented(
        CKernels(), bytes,
        AugmentationCase(size: Self.digits, strength: Self.strengths[0], seed: seed, draw: draw))
    }
    #expect(Set(images).count == 4)
  }
}
