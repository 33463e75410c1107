import KernelVLM
import ReferenceKernels
import Testing

/// The three products of one shape.
struct MatmulCase: Operation {
  let n: Int
  let k: Int
  let m: Int
  let accumulate: Bool

  func run<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) {
    let x = bench.input("x", n, k)
    let w = bench.input("w", m, k)
    let dy = bench.input("dy", n, m)
    kernels.matmulForward(bench.output("y", n, m, adds: accumulate), x: x, w: w, accumulate: accumulate)
    kernels.matmulBackwardInput(bench.output("dx", n, k, adds: accumulate), dy: dy, w: w, accumulate: accumulate)
    kernels.matmulBackwardWeight(bench.output("dw", m, k, adds: accumulate), dy: dy, x: x, accumulate: accumulate)
  }
}

@Suite struct MatmulTests {
  static let shapes = [
    (34, 32, 64), (6, 32, 32), (6, 32, 128), (6, 128, 32), (6, 32, 17), (1, 196, 20), (1, 196, 24), (1, 28, 64),
    (1, 10, 12), (96, 32, 17), (16, 196, 20), (0, 3, 3), (3, 0, 3), (3, 3, 0), (1, 1, 1), (2, 3, 7), (3, 7, 16),
    (7, 16, 17), (16, 17, 3), (17, 1, 33), (8, 64, 65), (65, 64, 9), (13, 260, 31), (5, 12, 15),
    // Around a tile's depth of 128, twice it and beyond, as the depth of each of the three: k, m, n.
    (1, 128, 3), (1, 129, 3), (8, 129, 5), (9, 127, 18), (9, 129, 33), (20, 257, 34), (3, 385, 4), (9, 7, 129),
    (4, 20, 257), (129, 5, 6), (257, 17, 3), (300, 34, 9),
    // Rows of tiles in halves and whole: 6, 7 to 9, 10 to 13; columns around one vector and two of AVX-512.
    (10, 31, 32), (11, 15, 16), (12, 33, 47), (14, 3, 49), (15, 65, 31), (19, 9, 64),
  ]

  static let cases = shapes.flatMap { n, k, m in
    [false, true].map { MatmulCase(n: n, k: k, m: m, accumulate: $0) }
  }

  @Test(arguments: cases) func agreesWithTheReference(_ operation: MatmulCase) { expectParity(operation) }

  @Test func aFaultIsCaught() { expectFaultsCaught(MatmulCase(n: 7, k: 33, m: 17, accumulate: true)) }
}
