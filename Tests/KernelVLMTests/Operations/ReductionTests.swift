import KernelVLM
import ReferenceKernels
import Testing

struct AddCase: Operation {
  let count: Int

  func run<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) {
    kernels.add(bench.output("y", 1, count, adds: true), bench.input("x", 1, count))
  }
}

struct SquaredNormCase: Operation {
  let count: Int

  func run<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) {
    bench.output("norm", 1, 1)[0, 0] = K.Scalar(kernels.squaredNorm(bench.input("x", 1, count)))
  }
}

@Suite struct ReductionTests {
  static let counts = [0, 1, 3, 7, 16, 17, 64, 65, 1000, 32_240]

  @Test(arguments: counts) func addAgreesWithTheReference(_ count: Int) { expectParity(AddCase(count: count)) }
  @Test func aFaultIsCaught() { expectFaultsCaught(AddCase(count: 33)) }

  /// Squares of floats are exact in Double, and a sum of n of them in any order is within n 2⁻⁵³ of its value.
  @Test(arguments: counts) func squaredNormAgreesWithTheReference(_ count: Int) {
    let bench = Bench<Float>(misalignment: 1)
    defer { withExtendedLifetime(bench) {} }
    let x = bench.input("x", 1, count)
    let expected = Reference<Float>().squaredNorm(x)
    for kernels in everyCKernels {
      let bound = 2 * Double(count) * 0x1p-53 * expected
      #expect((kernels.squaredNorm(x) - expected).magnitude <= bound, "\(kernels.instructionSet)")
      guard count > 0 else { continue }
      #expect((kernels.squaredNorm(x.columns(1..<count)) - expected).magnitude > bound, "a missing term is not seen")
    }
  }

  @Test(arguments: [Float.nan, .infinity]) func squaredNormShowsWhatIsNotFinite(_ value: Float) {
    for kernels in everyCKernels {
      for at in [0, 63, 64, 99] {
        let bench = Bench<Float>()
        let x = bench.input("x", 1, 100)
        x[0, at] = value
        withExtendedLifetime(bench) { #expect(!kernels.squaredNorm(x).isFinite, "\(kernels.instructionSet)") }
      }
    }
  }
}
