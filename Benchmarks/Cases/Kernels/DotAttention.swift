import KernelVLM
import ReferenceKernels

func dotAttentionBenchmarks() -> [KernelBenchmark] {
  benchmarks(AttentionShape.sizes, DotAttentionForward.init)
    + benchmarks(AttentionShape.sizes, DotAttentionBackward.init)
}

struct DotAttentionForward: KernelCase {
  let shape: AttentionShape
  var operation: String { "DotAttention_forward" }
  var size: String { shape.name }
  /// A dot product, a weighted value, a factor, exp and a normalised probability.
  var work: Work {
    Work(
      operations: shape.pairs * (4 * shape.headWidth + 4),
      scalars: 2 * (shape.queries + shape.keys) * shape.width + shape.pairs)
  }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let y = shape.row(bench.output, "y")
    let probs = shape.perKey(bench.output, "probs", groups: shape.heads)
    let q = shape.row(bench.input, "q")
    let keys = shape.keyValues(bench.input, "keys")
    return { kernels.dotAttentionForward(y, probs: probs, q: q, keys: keys, heads: shape.heads) }
  }
}

struct DotAttentionBackward: KernelCase {
  let shape: AttentionShape
  var operation: String { "DotAttention_backward" }
  var size: String { shape.name }
  var work: Work {
    Work(
      operations: shape.pairs * (8 * shape.headWidth + 5),
      scalars: (3 * shape.queries + 4 * shape.keys) * shape.width + shape.pairs)
  }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let dq = shape.row(bench.output, "dq")
    let dkeys = shape.keyValues(bench.output, "dkeys")
    let dy = shape.row(bench.input, "dy")
    let probs = shape.probs(bench)
    let q = shape.row(bench.input, "q")
    let keys = shape.keyValues(bench.input, "keys")
    return {
      kernels.dotAttentionBackward(
        dq: dq, dkeys: dkeys, dy: dy, probs: probs, q: q, keys: keys, heads: shape.heads, accumulate: false)
    }
  }
}
