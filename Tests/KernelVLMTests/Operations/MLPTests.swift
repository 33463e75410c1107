import KernelVLM
import ReferenceKernels
import Testing

struct MLPCase: Operation {
  let n: Int
  let D: Int
  let E: Int
  var accumulate = false
  var chained = false

  func run<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) {
    let x = bench.input("x", n, D)
    let w1 = bench.input("w1", E, D)
    let w2 = bench.input("w2", D, E)
    let kept = bench.output("hidden", n, E)
    kernels.mlpForward(
      bench.output("y", n, D, adds: accumulate), hidden: kept, x: x, w1: w1, w2: w2, accumulate: accumulate)
    kernels.mlpBackward(
      dx: bench.output("dx", n, D), dw1: bench.output("dw1", E, D, adds: accumulate),
      dw2: bench.output("dw2", D, E, adds: accumulate), dhidden: bench.output("dhidden", n, E),
      dy: bench.input("dy", n, D), hidden: chained ? kept : bench.input("given hidden", n, E) { max($0, 0) }, x: x,
      w1: w1, w2: w2, accumulate: accumulate)
  }
}

@Suite struct MLPTests {
  static let cases = [
    (6, 32, 128), (4, 32, 128), (96, 32, 128), (0, 3, 5), (1, 1, 1), (3, 7, 16), (7, 16, 17), (2, 17, 3), (17, 3, 65),
  ].flatMap { n, D, E in [false, true].map { MLPCase(n: n, D: D, E: E, accumulate: $0) } }

  @Test(arguments: cases) func agreesWithTheReference(_ operation: MLPCase) { expectParity(operation) }

  @Test func aFaultIsCaught() { expectFaultsCaught(MLPCase(n: 3, D: 9, E: 20)) }

  @Test func gradientsAreThoseOfForward() { expectGradients(MLPCase(n: 2, D: 3, E: 6, chained: true)) }
}
