import KernelVLM
import ReferenceKernels

func matmulBenchmarks() -> [KernelBenchmark] {
  let sizes = Sizes(
    // Rows, inputs, outputs: keys and values, queries, the two layers of the MLP, the logits, and one image's features.
    model: [(34, 32, 64), (6, 32, 32), (6, 32, 128), (6, 128, 32), (6, 32, 17), (1, 196, 20)].map(MatmulShape.init),
    grid: { MatmulShape(n: $0, k: $1, m: $1) })
  return benchmarks(sizes, MatmulForward.init) + benchmarks(sizes, MatmulBackwardInput.init)
    + benchmarks(sizes, MatmulBackwardWeight.init)
}

struct MatmulShape {
  let n: Int
  let k: Int
  let m: Int

  var name: String { "\(n)x\(k)x\(m)" }
  var work: Work { Work(operations: 2 * n * k * m, scalars: n * k + m * k + n * m) }
}

struct MatmulForward: KernelCase {
  let shape: MatmulShape
  var operation: String { "Matmul_forward" }
  var size: String { shape.name }
  var work: Work { shape.work }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let y = bench.output("y", shape.n, shape.m)
    let x = bench.input("x", shape.n, shape.k)
    let w = bench.input("w", shape.m, shape.k)
    return { kernels.matmulForward(y, x: x, w: w, accumulate: false) }
  }
}

struct MatmulBackwardInput: KernelCase {
  let shape: MatmulShape
  var operation: String { "Matmul_backward_input" }
  var size: String { shape.name }
  var work: Work { shape.work }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let dx = bench.output("dx", shape.n, shape.k)
    let dy = bench.input("dy", shape.n, shape.m)
    let w = bench.input("w", shape.m, shape.k)
    return { kernels.matmulBackwardInput(dx, dy: dy, w: w, accumulate: false) }
  }
}

struct MatmulBackwardWeight: KernelCase {
  let shape: MatmulShape
  var operation: String { "Matmul_backward_weight" }
  var size: String { shape.name }
  var work: Work { shape.work }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let dw = bench.output("dw", shape.m, shape.k)
    let dy = bench.input("dy", shape.n, shape.m)
    let x = bench.input("x", shape.n, shape.k)
    return { kernels.matmulBackwardWeight(dw, dy: dy, x: x, accumulate: false) }
  }
}
