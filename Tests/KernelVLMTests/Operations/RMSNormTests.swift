import KernelVLM
import ReferenceKernels
import Testing

struct RMSNormCase: Operation {
  let n: Int
  let k: Int
  var gradient = GradientKind.exact
  var accumulate = false
  var chained = false

  func run<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) {
    let y = bench.output("y", n, k)
    let rms = bench.output("rms", n, 1)
    kernels.rmsNormForward(y, rms: rms, x: bench.input("x", n, k))
    kernels.rmsNormBackward(
      bench.output("dx", n, k, adds: accumulate), dy: bench.input("dy", n, k),
      y: chained ? y : bench.input("given y", n, k),
      rms: chained ? rms : bench.input("given rms", n, 1, positive: true), gradient: gradient, accumulate: accumulate)
  }
}

/// The output in the place of the input.
struct RMSNormInPlace: Operation {
  func run<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) {
    let x = bench.output("x", 3, 33, adds: true)
    let rms = bench.output("rms", 3, 1)
    let dx = bench.output("dx", 3, 33, adds: true)
    kernels.rmsNormForward(x, rms: rms, x: x)
    kernels.rmsNormBackward(dx, dy: dx, y: x, rms: rms, gradient: .exact, accumulate: false)
  }
}

@Suite struct RMSNormTests {
  static let cases = [(34, 32), (6, 32), (0, 3), (2, 1), (3, 3), (5, 7), (4, 16), (3, 17), (2, 64), (2, 65)]
    .flatMap { n, k in
      GradientKind.allCases.flatMap { gradient in
        [false, true].map { RMSNormCase(n: n, k: k, gradient: gradient, accumulate: $0) }
      }
    }

  @Test(arguments: cases) func agreesWithTheReference(_ operation: RMSNormCase) { expectParity(operation) }
  @Test func agreesInPlace() { expectParity(RMSNormInPlace()) }

  @Test(arguments: GradientKind.allCases) func aFaultIsCaught(_ gradient: GradientKind) {
    expectFaultsCaught(RMSNormCase(n: 3, k: 32, gradient: gradient))
  }

  @Test func gradientsAreThoseOfForward() { expectGradients(RMSNormCase(n: 3, k: 5, chained: true)) }
}
