import CVLMKernels
import Foundation
import Testing

@testable import KernelVLMCore

/// The functions of `Elementary.c` against the C library's. Each is within one unit in the last place of the true
/// value, and so is the library's: at most 0.75 (cos, sin) and 0.57 were measured, so that two of them are the same double
/// or neighbours.
struct ElementaryTests {
  private func isNear(_ found: Double, _ expected: Double) -> Bool {
    found == expected || found == expected.nextUp || found == expected.nextDown
  }

  /// Over all exponents, subnormal numbers among them; between 0 and 1, as the random stream asks; and around 1, where
  /// the logarithm is small.
  @Test func logIsTheLibrarys() {
    var random = MersenneTwister(seed: 1)
    var inputs: [Double] = []
    for _ in 0..<5000 {
      inputs.append(exp(-744 + 1453 * random.uniform()))
      inputs.append(random.uniform())
      let (side, bits) = (2 * random.uniform() - 1, 52 * random.uniform())
      inputs.append(1 + side * exp2(-bits))
    }
    #expect(inputs.filter { $0 > 0 && !isNear(vlm_log($0), log($0)) } == [])
  }

  static let logs: [(x: Double, expected: Double)] = [
    (1, 0), (2, 0x1.62e42fefa39efp-1), (0.5, -0x1.62e42fefa39efp-1), (0, -.infinity), (-0.0, -.infinity),
    (.infinity, .infinity), (.greatestFiniteMagnitude, 0x1.62e42fefa39efp+9),
    (.leastNormalMagnitude, -0x1.6232bdd7abcd2p+9), (.leastNonzeroMagnitude, -0x1.74385446d71c3p+9),
  ]

  @Test(arguments: logs) func logOfWhatIsSpecial(x: Double, expected: Double) { #expect(vlm_log(x) == expected) }

  @Test(arguments: [Double.nan, -1, -Double.leastNonzeroMagnitude, -Double.infinity])
  func logOfWhatHasNone(x: Double) { #expect(vlm_log(x).isNaN) }

  /// Adam's decays over the steps of a training, and results down to 1e-260 of up to a thousand million factors.
  @Test func powerIsTheLibrarys() {
    var random = MersenneTwister(seed: 2)
    var inputs: [(x: Double, n: UInt64)] = []
    for _ in 0..<3000 {
      let n = UInt64(exp2(30 * random.uniform()))
      let x = exp(-600 * random.uniform() / Double(n))
      inputs.append((x: x, n: n))
    }
    for x in [0.85, 0.9, 0.99, 0.999] {
      for n in stride(from: UInt64(1), through: 7000, by: 31) where Double(n) * log(x) > -600 {
        inputs.append((x: x, n: n))
      }
    }
    let wrong = inputs.filter { !isNear(vlm_power($0.x, $0.n), pow($0.x, Double($0.n))) }
    #expect(wrong.map { "\($0.x) to the \($0.n)" } == [])
  }

  static let powers: [(x: Double, n: UInt64, expected: Double)] = [
    (0, 0, 1), (0.5, 0, 1), (-0.7, 0, 1), (-0.7, 1, -0.7), (0, 1, 0), (0, 5, 0), (1, .max, 1), (-1, .max, -1),
    (-0.5, 3, -0.125), (0.5, 1022, .leastNormalMagnitude), (0.5, 1074, .leastNonzeroMagnitude), (0.5, 2000, 0),
    (0.85, .max, 0),
  ]

  @Test(arguments: powers) func powerOfWhatIsSpecial(x: Double, n: UInt64, expected: Double) {
    #expect(vlm_power(x, n) == expected)
  }

  /// 3³³ has 53 bits.
  @Test func whatADoubleHoldsExactlyIsExact() {
    var product = 1.0
    for n in UInt64(0)...33 {
      #expect(vlm_power(0.75, n) == product, "\(n)")
      product *= 0.75
    }
  }

  /// Over half a turn, as the schedule asks; up to 2²⁰; and next to multiples of a quarter turn, where all digits of π
  /// count.
  private static let angles = {
    var random = MersenneTwister(seed: 3)
    var inputs: [Double] = []
    for _ in 0..<5000 {
      inputs.append(Double.pi * random.uniform())
      inputs.append(0x1p20 * (2 * random.uniform() - 1))
      let multiple = (667_544 * random.uniform()).rounded(.down) * Double.pi / 2
      inputs += [multiple, multiple.nextUp]
    }
    for quarter in 0..<200 { inputs.append(Double(quarter) * Double.pi / 2) }
    return inputs
  }()

  @Test func cosIsTheLibrarys() {
    let inputs = Self.angles
    #expect(inputs.filter { !isNear(vlm_cos($0), cos($0)) } == [])
    #expect(inputs.filter { vlm_cos(-$0) != vlm_cos($0) } == [])
  }

  @Test func sinIsTheLibrarys() {
    let inputs = Self.angles
    #expect(inputs.filter { !isNear(vlm_sin($0), sin($0)) } == [])
    #expect(inputs.filter { vlm_sin(-$0) != -vlm_sin($0) } == [])
  }

  static let cosines: [(x: Double, expected: Double)] = [
    (0, 1), (-0.0, 1), (.pi, -1), (2 * .pi, 1), (.pi / 2, 0x1.1a62633145c07p-54),
    (1.5 * .pi, -0x1.a79394c9e8a0ap-53),
  ]

  @Test(arguments: cosines) func cosOfWhatIsSpecial(x: Double, expected: Double) { #expect(vlm_cos(x) == expected) }

  static let sines: [(x: Double, expected: Double)] = [
    (0, 0), (.pi / 2, 1), (-.pi / 2, -1), (.pi, 0x1.1a62633145c07p-53), (1.5 * .pi, -1), (0x1p-600, 0x1p-600),
  ]

  @Test(arguments: sines) func sinOfWhatIsSpecial(x: Double, expected: Double) { #expect(vlm_sin(x) == expected) }

  @Test func beyondItsRangeThereIsNoCosNorSin() {
    let last = 0x1p20
    for x in [last, -last] { #expect(isNear(vlm_cos(x), cos(x)) && isNear(vlm_sin(x), sin(x))) }
    for x in [last.nextUp, -last.nextUp, .infinity, -.infinity, .nan] {
      #expect(vlm_cos(x).isNaN && vlm_sin(x).isNaN)
    }
  }
}
