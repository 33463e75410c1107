import KernelVLM
import ReferenceKernels
import Testing

/// exp is inside softmax. Of the logits 0 and some below -21 the sum of exponentials is 1 in Float, and so their
/// probabilities are the exponentials themselves; nearer to 0 the ratio of two probabilities is one.
@Suite struct ExponentialTests {
  private static let row = 65

  /// exp of `inputs`, a whole number of times 64, all of them below -21.
  private func exponentials(_ inputs: [Float], _ kernels: CKernels) -> [Float] {
    let rows = inputs.count / (Self.row - 1)
    let (logits, probs) = (Buffer<Float>(count: rows * Self.row), Buffer<Float>(count: rows * Self.row))
    let (loss, targets) = (Buffer<Float>(count: rows), Buffer<Int32>(count: rows))
    for (index, x) in inputs.enumerated() {
      logits.all[0, index / (Self.row - 1) * Self.row + 1 + index % (Self.row - 1)] = x
    }
    withExtendedLifetime((logits, loss, targets)) {
      kernels.crossEntropyForward(
        loss.matrix(rows: rows, columns: 1), probs: probs.matrix(rows: rows, columns: Self.row),
        logits: logits.matrix(rows: rows, columns: Self.row), targets: targets.matrix(rows: rows, columns: 1),
        gradient: .exact)
    }
    return probs.values.enumerated().compactMap { $0.offset % Self.row == 0 ? nil : $0.element }
  }

  /// Every fifth float from -32 to -22, where r goes through its range 14 times, and every 61st from -104 on, results that
  /// are subnormal among them.
  private static let inputs: [Float] = {
    let dense = stride(from: Float(22).bitPattern, to: Float(32).bitPattern, by: 5).map { -Float(bitPattern: $0) }
    let sparse = stride(from: Float(32).bitPattern, through: Float(104).bitPattern, by: 61).map {
      -Float(bitPattern: $0)
    }
    let all = dense + sparse
    return Array(all.prefix(all.count / 64 * 64))
  }()

  /// In units of the last place of the result: the promise of 2, and of the polynomial alone 0.09, as the mean over the
  /// inputs with nearly the same r, where roundings cancel each other.
  @Test func isWithinTwoUnitsInTheLastPlaceAndItsPolynomialWithinATenth() {
    for kernels in everyCKernels {
      let bins = 64
      var (sums, counts) = ([Double](repeating: 0, count: bins), [Double](repeating: 0, count: bins))
      var worst = 0.0
      for (x, found) in zip(Self.inputs, exponentials(Self.inputs, kernels)) {
        let exact = Double.exp(Double(x))
        let error = (Double(found) - exact) / Double(Float(exact).ulp)
        worst = max(worst, abs(error))
        guard x > -87 else { continue }
        let turns = Double(x) / Double.log(2)
        let bin = Int((turns - turns.rounded() + 0.5) * Double(bins - 1))
        // In units of 2⁻²⁴ of the result, so that its binade does not matter.
        sums[bin] += (Double(found) - exact) / exact * 0x1p24
        counts[bin] += 1
      }
      #expect(worst <= 2, "\(kernels.instructionSet): \(worst)")
      let bias = zip(sums, counts).map { abs($0 / max($1, 1)) }.max() ?? 0
      #expect(bias <= 0.2, "\(kernels.instructionSet): \(bias)")
    }
  }

  /// Each probability is an exponential times 1 / z, so their ratio has the error of exp and two roundings of a half.
  @Test func soItIsNearZero() {
    for kernels in everyCKernels {
      var worst = 0.0
      for x in stride(from: Float(-22), through: 0, by: 0.00371) {
        let exact = Double.exp(Double(x))
        worst = max(worst, abs(ratio(x, kernels) - exact) / Double(Float(exact).ulp))
      }
      #expect(worst <= 2 + 2, "\(kernels.instructionSet): \(worst)")
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
