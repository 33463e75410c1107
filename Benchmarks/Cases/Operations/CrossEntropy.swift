import KernelVLM
import ReferenceKernels

func crossEntropyBenchmarks() -> [KernelBenchmark] {
  let sizes = Sizes(
    model: [(6, 17), (90, 17)].map(RowsShape.init), larger: largerBatches.map { RowsShape(n: $0, k: 256) })
  return benchmarks(sizes, CrossEntropyForward.init) + benchmarks(sizes, CrossEntropyBackward.init)
}

struct CrossEntropyForward: KernelCase {
  let shape: RowsShape
  var operation: String { "CrossEntropy_forward" }
  var size: String { shape.name }
  var work: Work { Work(operations: shape.n * (5 * shape.k + 3), scalars: shape.n * (2 * shape.k + 2)) }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let loss = bench.output("loss", shape.n, 1)
    let probs = bench.output("probs", shape.n, shape.k)
    let logits = bench.input("logits", shape.n, shape.k, scale: 3)
    let targets = bench.indices("targets", shape.n, below: shape.k)
    return { kernels.crossEntropyForward(loss, probs: probs, logits: logits, targets: targets, gradient: .exact) }
  }
}

struct CrossEntropyBackward: KernelCase {
  let shape: RowsShape
  var operation: String { "CrossEntropy_backward" }
  var size: String { shape.name }
  var work: Work { Work(operations: shape.n * (shape.k + 1), scalars: shape.n * (2 * shape.k + 2)) }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let dlogits = bench.output("dlogits", shape.n, shape.k)
    let probs = bench.input("probs", shape.n, shape.k)
    let targets = bench.indices("targets", shape.n, below: shape.k)
    let weights = bench.input("weights", shape.n, 1)
    return { kernels.crossEntropyBackward(dlogits, probs: probs, targets: targets, weights: weights) }
  }
}
