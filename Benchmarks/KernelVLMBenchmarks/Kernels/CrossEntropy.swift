import KernelVLM
import ReferenceKernels

func crossEntropyBenchmarks() {
  let shapes = [(6, 17), (90, 17)].map(RowsShape.init)
  register(shapes.map(CrossEntropyForward.init))
  register(shapes.map(CrossEntropyBackward.init))
}

struct CrossEntropyForward: KernelCase {
  let shape: RowsShape
  var name: String { "CrossEntropy_forward_\(shape.name)" }
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
  var name: String { "CrossEntropy_backward_\(shape.name)" }
  var work: Work { Work(operations: shape.n * (shape.k + 1), scalars: shape.n * (2 * shape.k + 2)) }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let dlogits = bench.output("dlogits", shape.n, shape.k)
    let probs = bench.input("probs", shape.n, shape.k)
    let targets = bench.indices("targets", shape.n, below: shape.k)
    let weights = bench.input("weights", shape.n, 1)
    return { kernels.crossEntropyBackward(dlogits, probs: probs, targets: targets, weights: weights) }
  }
}
