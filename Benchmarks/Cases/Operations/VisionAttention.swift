import KernelVLM
import ReferenceKernels

func visionAttentionBenchmarks() -> [KernelBenchmark] {
  [1, 2].flatMap { degree in
    let sizes = Sizes(model: [1, 16, 32, 64].map { VisionAttentionShape(images: $0, degree: degree) }, larger: [])
    return benchmarks(sizes, VisionAttentionForward.init) + benchmarks(sizes, VisionAttentionBackward.init)
  }
}

/// Images of a block in the default model, sorted by label: as many of each of the ten words as there are digits.
struct VisionAttentionShape {
  let images: Int
  let degree: Int
  let features = 28
  let width = 32
  let heads = 4

  var name: String { "\(images)x\(features)x\(width)_R\(degree)" }

  /// Predictions of the ten words; a single image is a "five".
  private static var lengths: [Int] { [5, 4, 4, 6, 5, 5, 4, 6, 6, 5] }
  var runs: [(images: Int, rows: Int)] {
    if images == 1 { return [(1, 5)] }
    return Self.lengths.enumerated().map { digit, length in ((images + 9 - digit) / 10, length) }.filter { $0.0 > 0 }
  }
  var rows: Int { runs.reduce(0) { $0 + $1.images * $1.rows } }
  /// Pairs of a query and a key that it sees, in all heads.
  var pairs: Int {
    heads * runs.reduce(0) { sum, run in sum + run.images * (0..<run.rows).reduce(0) { $0 + features + $1 + 1 } }
  }

  func counts<S>(_ bench: Bench<S>) -> Matrix<Int32> {
    let counts = bench.indices("runs", 3 * runs.count, below: 1).reshaped(rows: runs.count, columns: 3)
    for (row, run) in runs.enumerated() {
      (counts[row, 0], counts[row, 1], counts[row, 2]) = (Int32(run.images), Int32(run.rows), Int32(run.rows))
    }
    return counts
  }

  func sizes(_ counts: Matrix<Int32>) -> VisionAttentionSizes {
    VisionAttentionSizes(counts, features: features, width: width, heads: heads, degree: degree)
  }

  func vision<S>(_ bench: Bench<S>) -> VisionFactors<S> {
    VisionFactors(
      images: bench.input("images", images, 2 * width), positions: bench.input("positions", features, 2 * width),
      scale: bench.input("scale", images, features, scale: 0.3, positive: true))
  }
}

struct VisionAttentionForward: KernelCase {
  let shape: VisionAttentionShape
  var operation: String { "VisionAttention_forward" }
  var size: String { shape.name }
  /// Of a pair: the parts' sums and their product, exp, probability and weight, and a weighted value.
  var work: Work {
    let d = shape.width / shape.heads
    return Work(
      operations: shape.pairs * (2 * shape.degree + 2 * d + 6),
      scalars: 2 * (shape.images + shape.features + shape.rows) * shape.width + shape.pairs)
  }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let (D, H, R) = (shape.width, shape.heads, shape.degree)
    let counts = shape.counts(bench)
    let sizes = shape.sizes(counts)
    let W = sizes.lanes
    let vision = shape.vision(bench)
    let (q, text) = (bench.input("q", sizes.queries, D), bench.input("text", sizes.text, 2 * D))
    let (y, probs) = (bench.output("y", sizes.rows, D), bench.scratch("probs", sizes.probRows, W))
    let dots = bench.scratch("dots", sizes.dotRows, W)
    let scratch = bench.scratch("scratch", 1, sizes.scratch())
    return {
      kernels.visionAttentionForward(
        y, probs: probs, dots: dots, scratch: scratch, vision: vision, q: q, text: text, runs: counts, heads: H,
        degree: R)
    }
  }
}

struct VisionAttentionBackward: KernelCase {
  let shape: VisionAttentionShape
  var operation: String { "VisionAttention_backward" }
  var size: String { shape.name }
  /// Of a pair: dy · v, the parts' sums, x, the parts' gradients and their sums, those of the scale, and dv.
  var work: Work {
    let d = shape.width / shape.heads
    return Work(
      operations: shape.pairs * (4 * d + 6 * shape.degree + 9),
      scalars: 4 * (shape.images + shape.features + shape.rows) * shape.width + shape.pairs)
  }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let (B, F, D, H, R) = (shape.images, shape.features, shape.width, shape.heads, shape.degree)
    let counts = shape.counts(bench)
    let sizes = shape.sizes(counts)
    let W = sizes.lanes
    let vision = shape.vision(bench)
    let (q, text) = (bench.input("q", sizes.queries, D), bench.input("text", sizes.text, 2 * D))
    let (y, probs) = (bench.scratch("y", sizes.rows, D), bench.scratch("probs", sizes.probRows, W))
    let dots = bench.scratch("dots", sizes.dotRows, W)
    let scratch = bench.scratch("scratch", 1, sizes.scratch(sums: 1))
    let dy = bench.input("dy", sizes.rows, D)
    let (dq, dtext) = (bench.output("dq", sizes.queries, D), bench.output("dtext", sizes.text, 2 * D))
    let dvision = VisionFactors(
      images: bench.output("dimages", B, 2 * D), positions: bench.output("dpositions", F, 2 * D),
      scale: bench.output("dscale", B, F))
    kernels.visionAttentionForward(
      y, probs: probs, dots: dots, scratch: bench.scratch("forward scratch", 1, sizes.scratch()),
      vision: vision, q: q, text: text, runs: counts, heads: H, degree: R)
    return {
      kernels.visionAttentionBackward(
        dq: dq, dtext: dtext, dvision: dvision, published: nil, scratch: scratch, dy: dy, y: y, probs: probs,
        dots: dots, vision: vision, q: q, text: text, runs: counts, heads: H, degree: R)
    }
  }
}
