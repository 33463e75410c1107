import KernelVLM
import ReferenceKernels
import Testing

extension AdamSettings {
  /// Those of the recipe at a step, the same in every precision.
  fileprivate init(step: Int, weightDecay: Float) {
    let (beta1, beta2): (Float, Float) = (0.85, 0.99)
    func correction(_ beta: Float) -> Float {
      1 / (1 - (0..<step).reduce(Float(1)) { power, _ in power * beta })
    }
    self.init(
      gradientScale: 0.75, learningRate: Scalar(Float(0.003)), beta1: Scalar(beta1), beta2: Scalar(beta2),
      correction1: Scalar(correction(beta1)), correction2: Scalar(correction(beta2)), epsilon: Scalar(Float(1e-8)),
      weightDecay: Scalar(weightDecay))
  }
}

struct AdamCase: Operation {
  let count: Int
  let step: Int
  var weightDecay: Float = 0
  /// A power of 2, that of the gradients.
  var size = 1.0

  func run<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) {
    let settings = AdamSettings<K.Scalar>(step: step, weightDecay: weightDecay)
    let v = bench.output("v", 1, count, adds: true)
    let m = bench.output("m", 1, count, adds: true)
    for i in 0..<count {
      v[0, i] = v[0, i].magnitude * K.Scalar(size * size)
      m[0, i] *= K.Scalar(size)
    }
    kernels.adamStep(
      bench.output("p", 1, count, adds: true), m: m, v: v, gradient: bench.input("gradient", 1, count, scale: size),
      settings: settings)
  }
}

struct AdamOuterCase: Operation {
  let rows: Int
  let columns: Int
  let step: Int
  var weightDecay: Float = 0

  func run<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) {
    let v = bench.output("v", rows, columns, adds: true)
    for i in 0..<rows { for j in 0..<columns { v[i, j] = v[i, j].magnitude } }
    kernels.adamStepOuter(
      bench.output("p", rows, columns, adds: true), m: bench.output("m", rows, columns, adds: true), v: v,
      d: bench.input("d", 1, rows), x: bench.input("x", 1, columns),
      settings: AdamSettings(step: step, weightDecay: weightDecay))
  }
}

/// Moments that decay below the least normal number, as those of a parameter without gradient do.
struct AdamOfSubnormals: Operation {
  func run<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) {
    let settings = AdamSettings<K.Scalar>(
      gradientScale: 1, learningRate: 1, beta1: 0.5, beta2: 0.5, correction1: 1, correction2: 1, epsilon: 0x1p-20,
      weightDecay: 0)
    let (m, v) = (bench.output("m", 1, 20, adds: true), bench.output("v", 1, 20, adds: true))
    for i in 0..<20 { (m[0, i], v[0, i]) = (0x1p-126, 0x1p-126) }
    kernels.adamStep(
      bench.output("p", 1, 20, adds: true), m: m, v: v, gradient: bench.input("gradient", 1, 20, scale: 0),
      settings: settings)
  }
}

/// Parameters that have never had a gradient, with an ε whose square is 0.
struct AdamAtRest: Operation {
  func run<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) {
    var settings = AdamSettings<K.Scalar>(step: 1, weightDecay: 0)
    settings.epsilon = 1e-30
    let (m, v) = (bench.output("m", 1, 50, adds: true), bench.output("v", 1, 50, adds: true))
    for i in 0..<50 { (m[0, i], v[0, i]) = (0, 0) }
    kernels.adamStep(
      bench.output("p", 1, 50, adds: true), m: m, v: v, gradient: bench.input("gradient", 1, 50, scale: 0),
      settings: settings)
  }
}

@Suite struct AdamTests {
  static let cases = [0, 1, 3, 7, 16, 17, 64, 65, 1000].flatMap { count in
    [AdamCase(count: count, step: 1), AdamCase(count: count, step: 100, weightDecay: 0.0625)]
  }

  @Test(arguments: cases) func agreesWithTheReference(_ operation: AdamCase) { expectParity(operation) }
  /// √v is there about as large as ε.
  @Test(arguments: [3, 100]) func agreesWhereEpsilonMatters(step: Int) {
    expectParity(AdamCase(count: 37, step: step, size: 0x1p-27))
  }

  @Test func aFaultIsCaught() { expectFaultsCaught(AdamCase(count: 33, step: 3)) }

  static let outerSizes = [(0, 5), (5, 0), (1, 1), (3, 7), (2, 16), (10, 196), (7, 65), (5, 31)]
  static let outerCases = outerSizes.flatMap { rows, columns in
    [
      AdamOuterCase(rows: rows, columns: columns, step: 1),
      AdamOuterCase(rows: rows, columns: columns, step: 100, weightDecay: 0.0625),
    ]
  }

  @Test(arguments: outerCases) func anOuterProductAgreesWithTheReference(_ operation: AdamOuterCase) {
    expectParity(operation)
  }
  @Test func aFaultInAnOuterProductIsCaught() { expectFaultsCaught(AdamOuterCase(rows: 3, columns: 11, step: 3)) }

  /// Two elements share a division only where the product of their divisors has a finite inverse.
  @Test func aParameterAtRestStays() { expectParity(AdamAtRest()) }

  /// What Float keeps of them costs much time and changes nothing; and the caller's arithmetic stays as it was.
  @Test func subnormalMomentsBecomeZero() {
    for kernels in everyCKernels {
      let results = results(of: AdamOfSubnormals(), kernels)
      for moment in ["m", "v"] { #expect(results[moment] == [Double](repeating: 0, count: 20), "\(kernels)") }
      let least = Float.leastNormalMagnitude
      #expect((least / Float(kernels.threads + 1)).isSubnormal, "\(kernels)")
    }
    #expect(results(of: AdamOfSubnormals(), Reference<Float>())["m"]?.allSatisfy { $0 == 0x1p-127 } == true)
  }
}
