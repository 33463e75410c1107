import KernelVLM
import ReferenceKernels

func tensorProductBenchmarks() -> [KernelBenchmark] {
  let sizes = Sizes(
    model: [(1, 10, 12), (16, 10, 12)].map(MatmulShape.init), grid: { MatmulShape(n: $0, k: $1, m: $1) })
  return benchmarks(sizes, TensorProductForward.init) + benchmarks(sizes, TensorProductBackward.init)
}

struct TensorProductForward: KernelCase {
  let shape: MatmulShape
  var operation: String { "TensorProduct_forward" }
  var size: String { shape.name }
  var work: Work {
    let (n, k, m) = (shape.n, shape.k, shape.m)
    return Work(operations: 4 * n * k * m + n * m, scalars: 2 * (n * k + m * k + n * m) + n * m)
  }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let (n, k, m) = (shape.n, shape.k, shape.m)
    let y = bench.output("y", n, m)
    let factors = bench.output("factors", n, 2 * m)
    let (x1, x2) = (bench.input("x1", n, k), bench.input("x2", n, k))
    let (a, b) = (bench.input("a", m, k), bench.input("b", m, k))
    return { kernels.tensorProductForward(y, factors: factors, x1: x1, x2: x2, a: a, b: b) }
  }
}

struct TensorProductBackward: KernelCase {
  let shape: MatmulShape
  var operation: String { "TensorProduct_backward" }
  var size: String { shape.name }
  var work: Work {
    let (n, k, m) = (shape.n, shape.k, shape.m)
    return Work(operations: 8 * n * k * m + 2 * n * m, scalars: 4 * (n * k + m * k + n * m) + n * m)
  }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let (n, k, m) = (shape.n, shape.k, shape.m)
    let (da, db) = (bench.output("da", m, k), bench.output("db", m, k))
    let (dx1, dx2) = (bench.output("dx1", n, k), bench.output("dx2", n, k))
    let dfactors = bench.output("dfactors", n, 2 * m)
    let dy = bench.input("dy", n, m)
    let factors = bench.input("factors", n, 2 * m)
    let (x1, x2) = (bench.input("x1", n, k), bench.input("x2", n, k))
    let (a, b) = (bench.input("a", m, k), bench.input("b", m, k))
    return {
      kernels.tensorProductBackward(
        da: da, db: db, dx1: dx1, dx2: dx2, dfactors: dfactors, dy: dy, factors: factors, x1: x1, x2: x2, a: a, b: b,
        accumulate: false)
    }
  }
}
