import KernelVLM
import ReferenceKernels
import Testing

struct TensorProductCase: Operation {
  let n: Int
  let k: Int
  let m: Int
  var accumulate = false
  var chained = false

  func run<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) {
    let x1 = bench.input("x1", n, k)
    let x2 = bench.input("x2", n, k)
    let a = bench.input("a", m, k)
    let b = bench.input("b", m, k)
    let kept = bench.output("factors", n, 2 * m)
    kernels.tensorProductForward(bench.output("y", n, m, stride: m + 5), factors: kept, x1: x1, x2: x2, a: a, b: b)
    kernels.tensorProductBackward(
      da: bench.output("da", m, k, adds: accumulate), db: bench.output("db", m, k, adds: accumulate),
      dx1: bench.output("dx1", n, k), dx2: bench.output("dx2", n, k), dfactors: bench.output("dfactors", n, 2 * m),
      dy: bench.input("dy", n, m, stride: m + 3), factors: chained ? kept : bench.input("given factors", n, 2 * m),
      x1: x1, x2: x2, a: a, b: b, accumulate: accumulate)
  }
}

@Suite struct TensorProductTests {
  static let cases = [
    (1, 10, 12), (32, 10, 12), (0, 2, 2), (1, 1, 1), (3, 7, 16), (7, 16, 17), (16, 17, 3), (17, 3, 7), (5, 64, 65),
  ].flatMap { n, k, m in [false, true].map { TensorProductCase(n: n, k: k, m: m, accumulate: $0) } }

  @Test(arguments: cases) func agreesWithTheReference(_ operation: TensorProductCase) { expectParity(operation) }

  @Test func aFaultIsCaught() { expectFaultsCaught(TensorProductCase(n: 4, k: 10, m: 12)) }

  @Test func gradientsAreThoseOfForward() { expectGradients(TensorProductCase(n: 2, k: 3, m: 4, chained: true)) }
}
