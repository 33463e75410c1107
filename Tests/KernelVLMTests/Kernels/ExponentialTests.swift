import KernelVLM
import ReferenceKernels
import Testing

/// exp is inside softmax: of the logits 0 and x the probabilities are in the ratio exp(x).
@Suite struct ExponentialTests {
  /// Each probability is an exponential times 1 / z, so their ratio has the error of exp and three roundings.
  @Test func isWithinTwoUnitsInTheLastPlace() {
    let bound = 2 * Double(Float.ulpOfOne) + 3 * 0x1p-24
    for kernels in everyCKernels {
      var worst = 0.0
      for x in stride(from: Float(-85), through: 0, by: 0.00371) {
        worst = max(worst, abs(ratio(x, kernels) / Double.exp(Double(x)) - 1))
      }
      #expect(worst <= bound, "\(kernels.instructionSet): \(worst)")
    }
  }

  @Test func farBelowItIsZeroAndNaNStays() {
    for kernels in everyCKernels {
      for x in [Float(-105), -1000, -Float.greatestFiniteMagnitude, -Float.infinity] {
        #expect(ratio(x, kernels) == 0, "\(kernels.instructionSet)")
      }
      #expect(ratio(.nan, kernels).isNaN, "\(kernels.instructionSet)")
    }
  }

  private func ratio(_ x: Float, _ kernels: CKernels) -> Double {
    let bench = Bench<Float>()
    let logits = bench.input("logits", 1, 2, scale: 0)
    let probs = bench.output("probs", 1, 2)
    logits[0, 1] = x
    kernels.crossEntropyForward(
      bench.output("loss", 1, 1), probs: probs, logits: logits, targets: bench.indices("target", 1, below: 1),
      gradient: .exact)
    return Double(probs[0, 1]) / Double(probs[0, 0])
  }
}
