import KernelVLM
import ReferenceKernels

func attentionBenchmarks() -> [KernelBenchmark] {
  [1, 2, 3].flatMap { degree in
    // A word of five letters at once, and one letter of it. Three parts need a head of twelve.
    let width = degree == 3 ? 48 : 32
    let sizes = Sizes(
      model: [(6, 28, 6), (1, 28, 6)].map {
        AttentionSize(queries: $0, vision: $1, text: $2, width: width, heads: 4, degree: degree)
      },
      larger: degree == 3
        ? []
        : largerWidths.flatMap { width in
          largerBatches.map {
            AttentionSize(queries: $0, vision: 28, text: $0, width: width, heads: 4, degree: degree)
          }
        })
    return benchmarks(sizes, AttentionForward.init) + benchmarks(sizes, AttentionBackward.init)
  }
}

/// n queries, which see F keys of the vision positions and some of the S of the text.
struct AttentionSize: Sendable {
  let queries: Int
  let vision: Int
  let text: Int
  let width: Int
  let heads: Int
  let degree: Int

  var name: String { "n\(queries)_F\(vision)_S\(text)_D\(width)_H\(heads)_R\(degree)" }
  var keys: Int { vision + text }
  /// Pairs of a query and a key that it sees, in all heads.
  var pairs: Int { heads * (0..<queries).reduce(0) { $0 + keys - queries + $1 + 1 } }
  var headWidth: Int { width / heads }
  /// Rows of partial scores.
  var partialRows: Int { degree > 1 ? degree * heads * queries : 0 }
  /// Numbers of each pair that forward keeps: its probability and its partial scores.
  var kept: Int { degree > 1 ? 1 + degree : 1 }

  /// Given probabilities: numbers of their size, zero where masked, as forward leaves them.
  func probs<S>(_ bench: Bench<S>) -> Matrix<S> {
    let probs = bench.input("probs", heads * queries, keys, scale: 1 / Double(keys))
    for row in 0..<probs.rows {
      for j in keys - queries + row % queries + 1..<keys { probs[row, j] = 0 }
    }
    return probs
  }

  func keyValues<S>(_ bench: Bench<S>) -> KeyValues<S> {
    KeyValues(vision: bench.input("vision", vision, 2 * width), text: bench.input("text", text, 2 * width))
  }
}

struct AttentionForward: KernelCase {
  let shape: AttentionSize
  var operation: String { "Attention_forward" }
  var size: String { shape.name }
  /// The parts' dot products and their product, a weighted value, the scale, exp and a normalised probability.
  var work: Work {
    Work(
      operations: shape.pairs * (4 * shape.headWidth + 3 + shape.degree),
      scalars: 2 * (shape.queries + shape.keys) * shape.width + shape.kept * shape.pairs)
  }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let s = shape
    let y = bench.output("y", s.queries, s.width)
    let probs = bench.output("probs", s.heads * s.queries, s.keys)
    // Unspecified where masked.
    let partial = bench.scratch("partial scores", s.partialRows, s.keys)
    let q = bench.input("q", s.queries, s.width)
    let keys = s.keyValues(bench)
    return {
      kernels.attentionForward(
        y, probs: probs, partialScores: partial, q: q, keys: keys, heads: s.heads, degree: s.degree)
    }
  }
}

struct AttentionBackward: KernelCase {
  let shape: AttentionSize
  var operation: String { "Attention_backward" }
  var size: String { shape.name }
  var work: Work {
    Work(
      operations: shape.pairs * (8 * shape.headWidth + 5 + (shape.degree > 1 ? 3 : 0)),
      scalars: (3 * shape.queries + 4 * shape.keys) * shape.width + shape.kept * shape.pairs)
  }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let s = shape
    let dq = bench.output("dq", s.queries, s.width)
    let dkeys = KeyValues(
      vision: bench.output("dvision", s.vision, 2 * s.width), text: bench.output("dtext", s.text, 2 * s.width))
    let dy = bench.input("dy", s.queries, s.width)
    let probs = s.probs(bench)
    let partial = bench.input("partial scores", s.partialRows, s.keys)
    let q = bench.input("q", s.queries, s.width)
    let keys = s.keyValues(bench)
    return {
      kernels.attentionBackward(
        dq: dq, dkeys: dkeys, dy: dy, probs: probs, partialScores: partial, q: q, keys: keys, heads: s.heads,
        degree: s.degree, accumulate: false)
    }
  }
}
