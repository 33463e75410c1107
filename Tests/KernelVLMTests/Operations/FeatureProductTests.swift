import KernelVLM
import ReferenceKernels
import Testing

/// Forward, and backward by given factors. The output's columns stand in a wider matrix, as features do.
struct FeatureProductCase: Operation {
  let n: Int
  let k: Int
  let m: Int
  let degree: Int
  var accumulate = false
  var inputGradient = true
  var weightGradient = true
  /// Backward by the factors that forward kept.
  var chained = false

  func run<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) {
    let x = bench.input("x", n, k)
    let w = bench.input("w", degree * m, k)
    let kept = bench.output("factors", n, degree * m)
    kernels.featureProductForward(bench.output("y", n, m, stride: m + 5), factors: kept, x: x, w: w)
    kernels.featureProductBackward(
      dw: weightGradient ? bench.output("dw", degree * m, k, adds: accumulate) : nil,
      dx: inputGradient ? bench.output("dx", n, k) : nil,
      dfactors: bench.output("dfactors", n, degree * m), dy: bench.input("dy", n, m, stride: m + 3),
      factors: chained ? kept : bench.input("given factors", n, degree * m), x: x, w: w, accumulate: accumulate)
  }
}

@Suite struct FeatureProductTests {
  static let cases = [
    (1, 196, 10, 2), (1, 196, 8, 2), (1, 196, 8, 3), (1, 28, 32, 2), (16, 196, 8, 3), (32, 28, 32, 2), (0, 3, 3, 2),
    (1, 1, 1, 4), (3, 7, 16, 2), (7, 16, 17, 3), (16, 17, 3, 5), (17, 3, 7, 2), (5, 65, 1, 3),
  ].flatMap { n, k, m, degree in
    [false, true].map {
      FeatureProductCase(n: n, k: k, m: m, degree: degree, accumulate: $0, inputGradient: !$0 || n > 1)
    }
  }

  @Test(arguments: cases) func agreesWithTheReference(_ operation: FeatureProductCase) { expectParity(operation) }

  @Test(arguments: [2, 3]) func agreesWithoutTheGradientOfTheWeights(degree: Int) {
    expectParity(FeatureProductCase(n: 1, k: 196, m: 8, degree: degree, inputGradient: false, weightGradient: false))
    expectParity(FeatureProductCase(n: 3, k: 17, m: 9, degree: degree, weightGradient: false))
  }

  @Test func aFaultIsCaught() { expectFaultsCaught(FeatureProductCase(n: 3, k: 17, m: 9, degree: 3)) }

  @Test(arguments: [2, 3, 4]) func gradientsAreThoseOfForward(degree: Int) {
    expectGradients(FeatureProductCase(n: 2, k: 4, m: 3, degree: degree, chained: true))
  }
}
