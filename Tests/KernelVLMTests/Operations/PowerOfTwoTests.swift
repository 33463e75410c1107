import Foundation
import KernelVLM
import ReferenceKernels
import Testing

@testable import KernelVLMCore

/// 2^x is inside the softmax of VisionAttention. With a query of 1 and heads of one component the score of a key k is
/// k log2 e, rounded once. The first key is 0 and has 2^0; if all others have powers below 2⁻²⁵, the sum of the powers is
/// 1 in Float, and so their probabilities are the powers themselves; nearer to 0 the ratio of two probabilities is one.
@Suite struct PowerOfTwoTests {
  /// What the kernel multiplies by in the place of log2 e.
  private static let log2e: Float = 0x1.715476p+0

  /// Probabilities of the keys, of which one more, 0, stands before them.
  private func probabilities(_ keys: [Float], _ kernels: CKernels) -> (first: Float, others: [Float]) {
    let bench = Bench<Float>()
    let F = keys.count + 1
    let runs = bench.indices("runs", 3, below: 1).reshaped(rows: 1, columns: 3)
    for column in 0..<3 { runs[0, column] = 1 }
    let sizes = VisionAttentionSizes(runs, features: F, width: 1, heads: 1, degree: 1)
    let vision = VisionFactors(
      images: bench.input("images", 1, 2, scale: 0), positions: bench.input("positions", F, 2, scale: 0),
      scale: bench.input("scale", 1, F) { _ in 1 })
    for (j, key) in keys.enumerated() { vision.positions[j + 1, 0] = key }
    let text = bench.input("text", 1, 2, scale: 0)
    text[0, 0] = -1000  // whose power is 0
    let probs = bench.output("probs", sizes.probRows, sizes.lanes)
    kernels.visionAttentionForward(
      bench.output("y", 1, 1), probs: probs, dots: bench.scratch("dots", sizes.dotRows, sizes.lanes),
      scratch: bench.scratch("scratch", 1, sizes.scratch()), vision: vision, q: bench.input("q", 1, 1) { _ in 1 },
      text: text, runs: runs, heads: 1, degree: 1)
    return (probs[0, 0], keys.indices.map { probs[$0 + 1, 0] })
  }

  /// The roundings: of 1 + r q, half a unit; of r q, which is at most 0.3 where a unit is 2⁻²⁴, 0.3; of q 0.4; and the
  /// polynomial, 0.15. Its own error shows in the mean over inputs with nearly the same r, where roundings cancel.
  @Test func isWithinOneAndAHalfUnitsInTheLastPlaceAndItsPolynomialWithinAFifth() {
    let keys = stride(from: Float(17.5).bitPattern, to: Float(87.3).bitPattern, by: 499).map { -Float(bitPattern: $0) }
    for kernels in everyCKernels {
      let bins = 64
      var (sums, counts) = ([Double](repeating: 0, count: bins), [Double](repeating: 0, count: bins))
      var worst = 0.0
      let (first, powers) = probabilities(keys, kernels)
      #expect(first == 1, "\(kernels.instructionSet)")
      for (key, found) in zip(keys, powers) {
        let x = Double(key * Self.log2e)
        let exact = exp2(x)
        worst = max(worst, abs(Double(found) - exact) / Double(Float(exact).ulp))
        let bin = min(Int((x - x.rounded() + 0.5) * Double(bins)), bins - 1)
        sums[bin] += (Double(found) - exact) / exact * 0x1p24
        counts[bin] += 1
      }
      #expect(worst <= 1.5, "\(kernels.instructionSet): \(worst)")
      let bias = zip(sums, counts).map { abs($0 / max($1, 1)) }.max() ?? 0
      #expect(bias <= 0.2, "\(kernels.instructionSet): \(bias)")
    }
  }

  /// Each probability is a power times 1 / z, so their ratio has the error of the power and two roundings of one unit.
  @Test func soItIsNearZero() {
    for kernels in everyCKernels {
      var worst = 0.0
      for key in stride(from: Float(-17.5), through: 0, by: 0.0371) {
        let exact = exp2(Double(key * Self.log2e))
        let (first, others) = probabilities([key], kernels)
        worst = max(worst, abs(Double(others[0]) / Double(first) - exact) / Double(Float(exact).ulp))
      }
      #expect(worst <= 1.5 + 2, "\(kernels.instructionSet): \(worst)")
    }
  }

  @Test func farBelowItIsZeroAndNaNStays() {
    for kernels in everyCKernels {
      // From 2^-126.5 down, and a little below 2^-126.
      let far = [Float(-126.5), -127, -128, -1000, -Float.greatestFiniteMagnitude / 2].map { $0 / Self.log2e - 1e-3 }
      let near = [Float(-126.4), -126.2].map { $0 / Self.log2e }
      #expect(probabilities(far, kernels).others.allSatisfy { $0 == 0 }, "\(kernels.instructionSet)")
      #expect(probabilities([-.infinity], kernels).others == [0], "\(kernels.instructionSet)")
      #expect(
        probabilities(near, kernels).others.allSatisfy { $0 >= 0 && $0 < .leastNormalMagnitude },
        "\(kernels.instructionSet)")
      #expect(probabilities([.nan], kernels).others[0].isNaN, "\(kernels.instructionSet)")
    }
  }
}
