import KernelVLM
import ReferenceKernels

func rmsNormBenchmarks() -> [KernelBenchmark] {
  let sizes = Sizes(
    model: [(6, 32), (34, 32), (538, 32)].map(RowsShape.init), grid: { RowsShape(n: $0, k: $1) })
  return benchmarks(sizes, RMSNormForward.init) + benchmarks(sizes, RMSNormBackward.init)
}

struct RMSNormForward: KernelCase {
  let shape: RowsShape
  var operation: String { "RMSNorm_forward" }
  var size: String { shape.name }
  var work: Work { Work(operations: shape.n * (3 * shape.k + 4), scalars: shape.n * (2 * shape.k + 1)) }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let y = bench.output("y", shape.n, shape.k)
    let rms = bench.output("rms", shape.n, 1)
    let x = bench.input("x", shape.n, shape.k)
    return { kernels.rmsNormForward(y, rms: rms, x: x) }
  }
}

struct RMSNormBackward: KernelCase {
  let shape: RowsShape
  var operation: String { "RMSNorm_backward" }
  var size: String { shape.name }
  var work: Work { Work(operations: shape.n * (5 * shape.k + 2), scalars: shape.n * (3 * shape.k + 1)) }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let dx = bench.output("dx", shape.n, shape.k)
    let dy = bench.input("dy", shape.n, shape.k)
    let y = bench.input("y", shape.n, shape.k)
    let rms = bench.input("rms", shape.n, 1, positive: true)
    return { kernels.rmsNormBackward(dx, dy: dy, y: y, rms: rms, gradient: .exact, accumulate: false) }
  }
}
