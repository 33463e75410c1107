import KernelVLM
import ReferenceKernels

func tensorAttentionBenchmarks() -> [KernelBenchmark] {
  benchmarks(AttentionShape.sizes, TensorAttentionForward.init)
    + benchmarks(AttentionShape.sizes, TensorAttentionBackward.init)
}

struct TensorAttentionForward: KernelCase {
  let shape: AttentionShape
  var operation: String { "TensorAttention_forward" }
  var size: String { shape.name }
  /// Two half dot products, a weighted value, two factors, exp and a normalised probability.
  var work: Work {
    Work(
      operations: shape.pairs * (4 * shape.headWidth + 5),
      scalars: 2 * (shape.queries + shape.keys) * shape.width + 3 * shape.pairs)
  }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let y = shape.row(bench.output, "y")
    let probs = shape.perKey(bench.output, "probs", groups: shape.heads)
    // Unspecified where masked.
    let dots = shape.perKey(bench.scratch, "dots", groups: 2 * shape.heads)
    let q = shape.row(bench.input, "q")
    let keys = shape.keyValues(bench.input, "keys")
    return { kernels.tensorAttentionForward(y, probs: probs, dots: dots, q: q, keys: keys, heads: shape.heads) }
  }
}

struct TensorAttentionBackward: KernelCase {
  let shape: AttentionShape
  var operation: String { "TensorAttention_backward" }
  var size: String { shape.name }
  var work: Work {
    Work(
      operations: shape.pairs * (8 * shape.headWidth + 8),
      scalars: (3 * shape.queries + 4 * shape.keys) * shape.width + 3 * shape.pairs)
  }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let dq = shape.row(bench.output, "dq")
    let dkeys = shape.keyValues(bench.output, "dkeys")
    let dy = shape.row(bench.input, "dy")
    let probs = shape.probs(bench)
    let dots = shape.perKey(bench.input, "dots", groups: 2 * shape.heads)
    let q = shape.row(bench.input, "q")
    let keys = shape.keyValues(bench.input, "keys")
    return {
      kernels.tensorAttentionBackward(
        dq: dq, dkeys: dkeys, dy: dy, probs: probs, dots: dots, q: q, keys: keys, heads: shape.heads,
        accumulate: false)
    }
  }
}
