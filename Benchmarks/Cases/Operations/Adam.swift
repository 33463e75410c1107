import KernelVLM
import ReferenceKernels

func adamBenchmarks() -> [KernelBenchmark] {
  benchmarks(Sizes(model: [32_240], larger: largerParameterCounts), AdamStep.init)
    + benchmarks(Sizes(model: [(20, 196)], larger: largerWidths.map { (4 * $0, 784) }), AdamStepOuter.init)
}

/// Parameters of models of the larger widths, which are otherwise like the default model.
let largerParameterCounts = largerWidths.compactMap { width in
  var configuration = ModelConfiguration()
  configuration.width = width
  return try? VisionLanguageModel(configuration, kernels: Reference<Float>()).table.count
}

/// All parameters of the default model in one pass. Every call goes one step further from where the last one ended.
struct AdamStep: KernelCase {
  let count: Int
  var operation: String { "Adam_step" }
  var size: String { "\(count)" }
  var work: Work { Work(operations: 15 * count, scalars: 7 * count) }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let p = bench.output("p", 1, count, adds: true)
    let m = bench.output("m", 1, count, adds: true)
    let v = bench.output("v", 1, count, adds: true)
    for i in 0..<count { v[0, i] = v[0, i].magnitude }
    let gradient = bench.input("gradient", 1, count)
    return { kernels.adamStep(p, m: m, v: v, gradient: gradient, settings: .exact) }
  }
}

/// The parameters of one base autoencoder, whose gradient by a single image is an outer product.
struct AdamStepOuter: KernelCase {
  let rows: Int
  let columns: Int
  var operation: String { "Adam_step_outer" }
  var size: String { "\(rows)x\(columns)" }
  var work: Work { Work(operations: 16 * rows * columns, scalars: 6 * rows * columns + rows + columns) }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let p = bench.output("p", rows, columns, adds: true)
    let m = bench.output("m", rows, columns, adds: true)
    let v = bench.output("v", rows, columns, adds: true)
    for i in 0..<rows { for j in 0..<columns { v[i, j] = v[i, j].magnitude } }
    let (d, x) = (bench.input("d", 1, rows), bench.input("x", 1, columns))
    return { kernels.adamStepOuter(p, m: m, v: v, d: d, x: x, settings: .exact) }
  }
}

extension AdamSettings {
  /// Exact in Float, so that all kernels compute with the same settings.
  fileprivate static var exact: AdamSettings {
    AdamSettings(
      gradientScale: 0.75, learningRate: 0x1p-8, beta1: 0.875, beta2: 0.96875, correction1: 1.5, correction2: 2.5,
      epsilon: 0x1p-26, weightDecay: 0.0625)
  }
}
