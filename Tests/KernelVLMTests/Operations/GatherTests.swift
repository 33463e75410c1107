import KernelVLM
import ReferenceKernels
import Testing

/// n rows out of u different ones.
struct GatherCase: Operation {
  let n: Int
  let u: Int
  let k: Int

  func run<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) {
    let index = bench.indices("index", n, below: u)
    kernels.gatherForward(bench.output("y", n, k), x: bench.input("x", u, k), index: index)
    kernels.gatherBackward(bench.output("dx", u, k), dy: bench.input("dy", n, k), index: index)
  }
}

@Suite struct GatherTests {
  static let cases = [(90, 33, 32), (90, 33, 64), (0, 3, 5), (1, 1, 1), (7, 20, 17), (40, 2, 7), (5, 5, 65)].map {
    GatherCase(n: $0, u: $1, k: $2)
  }

  @Test(arguments: cases) func agreesWithTheReference(_ operation: GatherCase) { expectParity(operation) }
  @Test func aFaultIsCaught() { expectFaultsCaught(GatherCase(n: 9, u: 4, k: 11)) }
  @Test func gradientsAreThoseOfForward() { expectGradients(GatherCase(n: 7, u: 4, k: 3)) }
}
