import KernelVLM
import ReferenceKernels

func reductionBenchmarks() -> [KernelBenchmark] {
  benchmarks(Sizes(model: [1960, 32_240], larger: largerParameterCounts), SquaredNorm.init)
    + benchmarks(Sizes(model: [32_240], larger: largerParameterCounts), Add.init)
}

/// The norm of a feature tensor's gradient, and of the whole one.
struct SquaredNorm: KernelCase {
  let count: Int
  var operation: String { "Reduction_squared_norm" }
  var size: String { "\(count)" }
  var work: Work { Work(operations: 2 * count, scalars: count) }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let x = bench.input("x", 1, count)
    let sum = bench.output("sum", 1, 1)
    // The product charges the rounding of the sum, which comes in Double, to Float.
    return { sum[0, 0] = 1 * K.Scalar(kernels.squaredNorm(x)) }
  }
}

/// Adding one block's gradient to another's.
struct Add: KernelCase {
  let count: Int
  var operation: String { "Reduction_add" }
  var size: String { "\(count)" }
  var work: Work { Work(operations: count, scalars: 3 * count) }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let y = bench.output("y", 1, count, adds: true)
    let x = bench.input("x", 1, count)
    return { kernels.add(y, x) }
  }
}
