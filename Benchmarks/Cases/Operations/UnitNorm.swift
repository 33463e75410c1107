import KernelVLM
import ReferenceKernels

func unitNormBenchmarks() -> [KernelBenchmark] {
  let sizes = Sizes(
    model: [(1, 28), (16, 28), (16, 196)].map(RowsShape.init),
    larger: largerBatches.map { RowsShape(n: $0, k: 784) })
  return benchmarks(sizes, UnitNormForward.init) + benchmarks(sizes, UnitNormBackward.init)
}

/// n rows of k scalars.
struct RowsShape {
  let n: Int
  let k: Int

  var name: String { "\(n)x\(k)" }
}

struct UnitNormForward: KernelCase {
  let shape: RowsShape
  var operation: String { "UnitNorm_forward" }
  var size: String { shape.name }
  var work: Work { Work(operations: shape.n * (3 * shape.k + 3), scalars: shape.n * (2 * shape.k + 1)) }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let y = bench.output("y", shape.n, shape.k)
    let norm = bench.output("norm", shape.n, 1)
    let x = bench.input("x", shape.n, shape.k)
    return { kernels.unitNormForward(y, norm: norm, x: x) }
  }
}

struct UnitNormBackward: KernelCase {
  let shape: RowsShape
  var operation: String { "UnitNorm_backward" }
  var size: String { shape.name }
  var work: Work { Work(operations: shape.n * (5 * shape.k + 3), scalars: shape.n * (3 * shape.k + 1)) }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let dx = bench.output("dx", shape.n, shape.k)
    let dy = bench.input("dy", shape.n, shape.k)
    let y = bench.input("y", shape.n, shape.k)
    let norm = bench.input("norm", shape.n, 1, positive: true)
    return { kernels.unitNormBackward(dx, dy: dy, y: y, norm: norm, gradient: .exact) }
  }
}
