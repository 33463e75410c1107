import KernelVLM
import ReferenceKernels
import Testing

struct ReconstructionCase: Operation {
  let n: Int
  let P: Int
  let m: Int
  /// The length of an image: the value is 0 for a short one, 10 for a long one, and between them for others.
  var length = 2.0
  var chained = false

  func run<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) {
    let kept = state({ bench.output($0, $1, $2) }, bench)
    let value = bench.output("value", n, 1)
    let c = bench.input("c", 2 * m, P)
    kernels.reconstructionForward(
      value, state: kept, g: bench.input("g", n, m, stride: m + 5),
      x: bench.input("x", n, P, scale: length / Double(P).squareRoot()), c: c)
    let dg = bench.output("dg", n, m, stride: m + 3, adds: true)
    let dc = bench.output("dc", 2 * m, P, adds: true)
    let weights = bench.input("dvalue", n, 1)
    if chained {
      dg.fill(0)
      dc.fill(0)
      kernels.reconstructionBackward(dg: dg, dc: dc, weights: weights, value: value, state: kept, c: c)
    } else {
      let values = bench.input("given value", n, 1) { $0 < -1 ? 0 : $0 > 1 ? 10 : $0 + 4 }
      let given = state({ bench.input("given " + $0, $1, $2, positive: $2 == 1) }, bench, scratch: "given ")
      kernels.reconstructionBackward(dg: dg, dc: dc, weights: weights, value: values, state: given, c: c)
    }
  }

  private func state<S>(
    _ matrix: (String, Int, Int) -> Matrix<S>, _ bench: Bench<S>, scratch: String = ""
  ) -> ReconstructionState<S> {
    let grams = matrix("grams", 2 * m, m)
    if !scratch.isEmpty {
      // A gram is symmetric.
      for a in 0..<2 * m {
        for b in 0..<m where b > a % m { grams[a, b] = grams[a / m * m + b, a % m] }
      }
    }
    return ReconstructionState(
      unit: matrix("unit", n, m), norm: matrix("norm", n, 1), rowNorms: matrix("row norms", 2 * m, 1), grams: grams,
      rows: bench.scratch(scratch + "rows", 2 * m, P), drows: bench.scratch(scratch + "drows", 2 * m, P),
      dgrams: bench.scratch(scratch + "dgrams", 2 * m, m))
  }
}

@Suite struct ReconstructionTests {
  static let cases = [
    (1, 196, 8, 1.5), (16, 196, 8, 1.5), (3, 196, 8, 0.01), (3, 196, 8, 9), (2, 3, 3, 2), (5, 7, 2, 2), (3, 16, 7, 2),
    (2, 17, 16, 2), (3, 64, 17, 2), (3, 5, 7, 2), (2, 1, 8, 2),
  ].map { n, P, m, length in ReconstructionCase(n: n, P: P, m: m, length: length) }

  @Test(arguments: cases) func agreesWithTheReference(_ operation: ReconstructionCase) { expectParity(operation) }
  @Test func aFaultIsCaught() { expectFaultsCaught(ReconstructionCase(n: 5, P: 12, m: 4)) }
  @Test func gradientsAreThoseOfForward() { expectGradients(ReconstructionCase(n: 3, P: 6, m: 3, chained: true)) }
  @Test func soAreThoseWithFewPixels() { expectGradients(ReconstructionCase(n: 2, P: 2, m: 5, chained: true)) }
}
