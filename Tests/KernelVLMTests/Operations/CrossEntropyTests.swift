import KernelVLM
import ReferenceKernels
import Testing

struct CrossEntropyCase: Operation {
  let n: Int
  let V: Int
  var scale = 3.0
  var gradient = GradientKind.exact
  var chained = false

  func run<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) {
    let targets = bench.indices("targets", n, below: V)
    let probs = bench.output("probs", n, V)
    kernels.crossEntropyForward(
      bench.output("loss", n, 1), probs: probs, logits: bench.input("logits", n, V, scale: scale), targets: targets,
      gradient: gradient)
    kernels.crossEntropyBackward(
      bench.output("dlogits", n, V), probs: chained ? probs : bench.input("given probs", n, V), targets: targets,
      weights: bench.input("dloss", n, 1))
  }
}

/// The gradient in the place of the probabilities.
struct CrossEntropyInPlace: Operation {
  func run<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) {
    let probs = bench.output("probs", 5, 17, adds: true)
    kernels.crossEntropyBackward(
      probs, probs: probs, targets: bench.indices("targets", 5, below: 17), weights: bench.input("weights", 5, 1))
  }
}

@Suite struct CrossEntropyTests {
  static let cases = [(6, 17, 3.0), (90, 17, 1), (0, 3, 1), (2, 1, 1), (3, 3, 3), (2, 7, 9), (4, 16, 30), (3, 65, 3)]
    .flatMap { n, V, scale in
      GradientKind.allCases.map { CrossEntropyCase(n: n, V: V, scale: scale, gradient: $0) }
    }

  @Test(arguments: cases) func agreesWithTheReference(_ operation: CrossEntropyCase) { expectParity(operation) }
  /// The others are so far below that a largest logit which is missed makes infinity of it.
  @Test func theLargestLogitMayStandAnywhere() {
    for kernels in everyCKernels {
      for V in [1, 3, 4, 5, 8, 15, 16, 17, 33, 65] {
        let (logits, probs, loss) = (Buffer<Float>(count: V), Buffer<Float>(count: V), Buffer<Float>(count: 1))
        let target = Buffer<Int32>(count: 1)
        for largest in 0..<V {
          logits.all.fill(-60)
          logits.all[0, largest] = 60
          target.all[0, 0] = Int32(largest)
          withExtendedLifetime((logits, target)) {
            kernels.crossEntropyForward(
              loss.all, probs: probs.all, logits: logits.all, targets: target.all, gradient: .exact)
          }
          let expected = (0..<V).map { Float($0 == largest ? 1 : 0) }
          #expect(loss.values == [0] && probs.values == expected, "\(kernels.instructionSet): \(largest) of \(V)")
        }
      }
    }
  }

  @Test func agreesInPlace() { expectParity(CrossEntropyInPlace()) }
  @Test func aFaultIsCaught() { expectFaultsCaught(CrossEntropyCase(n: 4, V: 17)) }
  @Test func gradientsAreThoseOfForward() { expectGradients(CrossEntropyCase(n: 3, V: 5, scale: 1, chained: true)) }
}
