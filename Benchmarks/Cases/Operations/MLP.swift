import KernelVLM
import ReferenceKernels

func mlpBenchmarks() -> [KernelBenchmark] {
  let sizes = Sizes(
    model: [(6, 32, 128), (90, 32, 128)].map(MLPShape.init), grid: { MLPShape(n: $0, width: $1, hidden: 4 * $1) })
  return benchmarks(sizes, MLPForward.init) + benchmarks(sizes, MLPBackward.init)
}

struct MLPShape {
  let n: Int
  let width: Int
  let hidden: Int

  var name: String { "\(n)x\(width)x\(hidden)" }
}

struct MLPForward: KernelCase {
  let shape: MLPShape
  var operation: String { "MLP_forward" }
  var size: String { shape.name }
  var work: Work {
    let (n, D, E) = (shape.n, shape.width, shape.hidden)
    return Work(operations: 4 * n * D * E, scalars: 2 * n * D + n * E + 2 * D * E)
  }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let (n, D, E) = (shape.n, shape.width, shape.hidden)
    let y = bench.output("y", n, D)
    let hidden = bench.output("hidden", n, E)
    let x = bench.input("x", n, D)
    let (w1, w2) = (bench.input("w1", E, D), bench.input("w2", D, E))
    return { kernels.mlpForward(y, hidden: hidden, x: x, w1: w1, w2: w2, accumulate: false) }
  }
}

struct MLPBackward: KernelCase {
  let shape: MLPShape
  var operation: String { "MLP_backward" }
  var size: String { shape.name }
  var work: Work {
    let (n, D, E) = (shape.n, shape.width, shape.hidden)
    return Work(operations: 8 * n * D * E, scalars: 3 * n * D + 2 * n * E + 4 * D * E)
  }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let (n, D, E) = (shape.n, shape.width, shape.hidden)
    let dx = bench.output("dx", n, D)
    let (dw1, dw2) = (bench.output("dw1", E, D), bench.output("dw2", D, E))
    let dhidden = bench.output("dhidden", n, E)
    let dy = bench.input("dy", n, D)
    let hidden = bench.input("hidden", n, E) { max($0, 0) }
    let x = bench.input("x", n, D)
    let (w1, w2) = (bench.input("w1", E, D), bench.input("w2", D, E))
    return {
      kernels.mlpBackward(
        dx: dx, dw1: dw1, dw2: dw2, dhidden: dhidden, dy: dy, hidden: hidden, x: x, w1: w1, w2: w2, accumulate: false)
    }
  }
}
