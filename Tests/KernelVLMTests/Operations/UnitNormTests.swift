import KernelVLM
import ReferenceKernels
import Testing

struct UnitNormCase: Operation {
  let n: Int
  let k: Int
  var gradient = GradientKind.exact
  var chained = false
  /// Of the inputs.
  var size = 1.0

  func run<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) {
    let y = bench.output("y", n, k)
    let norm = bench.output("norm", n, 1)
    kernels.unitNormForward(y, norm: norm, x: bench.input("x", n, k, scale: size))
    kernels.unitNormBackward(
      bench.output("dx", n, k), dy: bench.input("dy", n, k), y: chained ? y : bench.input("given y", n, k),
      norm: chained ? norm : bench.input("given norm", n, 1, positive: true), gradient: gradient)
  }
}

/// The output in the place of the input.
struct UnitNormInPlace: Operation {
  func run<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) {
    let x = bench.output("x", 3, 28, adds: true)
    let norm = bench.output("norm", 3, 1)
    let dx = bench.output("dx", 3, 28, adds: true)
    kernels.unitNormForward(x, norm: norm, x: x)
    kernels.unitNormBackward(dx, dy: dx, y: x, norm: norm, gradient: .exact)
  }
}

/// A row of zeros has the unit vector 0 and a gradient without a radial part.
struct UnitNormOfZero: Operation {
  let gradient: GradientKind

  func run<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) {
    let y = bench.output("y", 1, 9)
    let norm = bench.output("norm", 1, 1)
    kernels.unitNormForward(y, norm: norm, x: bench.input("x", 1, 9, scale: 0))
    kernels.unitNormBackward(
      bench.output("dx", 1, 9), dy: bench.input("dy", 1, 9), y: y, norm: norm, gradient: gradient)
  }
}

@Suite struct UnitNormTests {
  static let cases = [(1, 10), (1, 28), (16, 196), (0, 3), (2, 1), (3, 3), (5, 7), (4, 16), (3, 17), (2, 64), (2, 65)]
    .flatMap { n, k in GradientKind.allCases.map { UnitNormCase(n: n, k: k, gradient: $0) } }

  @Test(arguments: cases) func agreesWithTheReference(_ operation: UnitNormCase) { expectParity(operation) }
  @Test func agreesInPlace() { expectParity(UnitNormInPlace()) }
  @Test(arguments: GradientKind.allCases) func agreesAtZero(_ gradient: GradientKind) {
    expectParity(UnitNormOfZero(gradient: gradient))
  }

  @Test(arguments: GradientKind.allCases) func aFaultIsCaught(_ gradient: GradientKind) {
    expectFaultsCaught(UnitNormCase(n: 3, k: 28, gradient: gradient))
  }

  /// |x| is there about as large as ε.
  @Test(arguments: GradientKind.allCases) func agreesWhereEpsilonMatters(gradient: GradientKind) {
    expectParity(UnitNormCase(n: 3, k: 5, gradient: gradient, chained: true, size: 0x1p-27))
  }

  @Test func gradientsAreThoseOfForward() { expectGradients(UnitNormCase(n: 3, k: 5, chained: true)) }
}
