import ReferenceKernels
import Testing

@testable import KernelVLMCore

struct VisionAttentionCase: Operation {
  struct Run: Sendable {
    let (images, queries, text): (Int, Int, Int)
    init(_ images: Int, _ queries: Int, _ text: Int) {
      (self.images, self.queries, self.text) = (images, queries, text)
    }
  }

  let runs: [Run]
  let features: Int
  let width: Int
  let heads: Int
  let degree: Int
  var gradient = GradientKind.exact
  /// Whether backward takes what forward gave; numbers of its own otherwise.
  var chained = false

  /// The model's shapes; no vision, one position and many; one text row and 17; heads of 1 to 17 components; and fewer queries
  /// than text positions, as in generation.
  static let all: [VisionAttentionCase] = {
    let runs: [[Run]] = [
      [Run(1, 5, 5)], [Run(2, 4, 4), Run(5, 5, 5), Run(1, 6, 6)], [Run(3, 1, 1), Run(1, 17, 17)],
      [Run(2, 1, 3), Run(1, 2, 9)], [],
    ]
    let shapes = [(32, 4), (8, 8), (6, 2), (16, 2), (16, 1), (34, 2), (12, 1)]
    return runs.flatMap { runs in
      [28, 0, 1, 64].flatMap { F in
        shapes.flatMap { D, H in
          [1, 2, 3, 4].filter { D / H % $0 == 0 && (F == 28 || D < 32) }.flatMap { R in
            (F == 28 ? GradientKind.allCases : [.exact]).map {
              VisionAttentionCase(runs: runs, features: F, width: D, heads: H, degree: R, gradient: $0)
            }
          }
        }
      }
    }
  }()

  static func small(degree: Int, chained: Bool = false, gradient: GradientKind = .exact) -> VisionAttentionCase {
    VisionAttentionCase(
      runs: [Run(2, 3, 3), Run(1, 1, 2)], features: 4, width: 4 * degree, heads: 2, degree: degree, gradient: gradient,
      chained: chained)
  }

  func run<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) {
    let (F, D, H, R) = (features, width, heads, degree)
    let counts = bench.indices("runs", runs.count * 3, below: 1).reshaped(rows: runs.count, columns: 3)
    for (row, run) in runs.enumerated() {
      for (column, count) in [run.images, run.queries, run.text].enumerated() { counts[row, column] = Int32(count) }
    }
    let sizes = VisionAttentionSizes(counts, features: F, width: D, heads: H, degree: R)
    let (B, W) = (sizes.images, sizes.lanes)
    let vision = VisionFactors(
      images: bench.input("images", B, 2 * D), positions: bench.input("positions", F, 2 * D),
      scale: bench.input("scale", B, F, scale: 0.3, positive: true))
    let (q, text) = (bench.input("q", sizes.queries, D), bench.input("text", sizes.text, 2 * D))
    var y = bench.output("y", sizes.rows, D)
    var probs = bench.output("probs", sizes.probRows, W)
    let dots = bench.scratch("dots", sizes.dotRows, W)
    kernels.visionAttentionForward(
      y, probs: probs, dots: dots, scratch: bench.scratch("scratch", 1, sizes.scratch()), vision: vision, q: q,
      text: text, runs: counts, heads: H, degree: R)
    mask(probs, counts)  // unspecified in lanes beyond the queries
    if !chained {
      y = bench.input("given y", sizes.rows, D)
      probs = bench.input("given probs", sizes.probRows, W)
      mask(probs, counts)
    }
    kernels.visionAttentionBackward(
      dq: bench.output("dq", sizes.queries, D), dtext: bench.output("dtext", sizes.text, 2 * D),
      dvision: VisionFactors(
        images: bench.output("dimages", B, 2 * D), positions: bench.output("dpositions", F, 2 * D),
        scale: bench.output("dscale", B, F)),
      published: gradient == .published
        ? (bench.output("published images", B, 2 * D), bench.output("published positions", F, 2 * D)) : nil,
      scratch: bench.scratch("backward scratch", 1, sizes.scratch(sums: gradient == .published ? 2 : 1)),
      dy: bench.input("dy", sizes.rows, D), y: y, probs: probs, dots: dots, vision: vision, q: q, text: text,
      runs: counts, heads: H, degree: R)
  }

  /// Sets to zero what a query does not see, and the lanes beyond the queries.
  private func mask<S: KernelScalar>(_ probs: Matrix<S>, _ counts: Matrix<Int32>) {
    for run in TextRun.all(counts) {
      for image in run.images {
        for j in 0..<features + run.text.count {
          let row = run.probRow(image: image, key: j, features: features)
          for lane in 0..<probs.columns {
            let visible = features + run.text.count - run.queries.count + lane / heads + 1
            if lane >= run.queries.count * heads || j >= visible { probs[row, lane] = 0 }
          }
        }
      }
    }
  }
}

@Suite struct VisionAttentionTests {
  @Test(arguments: VisionAttentionCase.all) func agreesWithTheReference(_ operation: VisionAttentionCase) {
    expectParity(operation)
  }

  @Test(arguments: [1, 2, 3]) func aFaultIsCaught(degree: Int) {
    expectFaultsCaught(VisionAttentionCase.small(degree: degree))
  }

  @Test(arguments: [1, 2, 3, 4]) func gradientsAreThoseOfForward(degree: Int) {
    expectGradients(VisionAttentionCase.small(degree: degree, chained: true))
  }

  /// The same values and gradients as with vision keys that are made, by `attentionForward` for each image.
  @Test(arguments: [1, 2, 3], GradientKind.allCases) func equalsTheLongWay(degree R: Int, gradient: GradientKind) {
    let operation = VisionAttentionCase.small(degree: R, chained: true, gradient: gradient)
    let (F, D, H) = (operation.features, operation.width, operation.heads)
    let kernels = Reference<Double>()
    let short = results(of: operation, kernels)
    let bench = Bench<Double>()
    let (images, positions) = (bench.input("images", 3, 2 * D), bench.input("positions", F, 2 * D))
    let scale = bench.input("scale", 3, F, scale: 0.3, positive: true)
    let (q, text, dy) = (bench.input("q", 4, D), bench.input("text", 5, 2 * D), bench.input("dy", 7, D))
    let (y, dq, dtext) = (bench.output("y", 7, D), bench.output("dq", 4, D), bench.output("dtext", 5, 2 * D))
    let (dimages, dpositions) = (bench.output("dimages", 3, 2 * D), bench.output("dpositions", F, 2 * D))
    let dscale = bench.output("dscale", 3, F)
    for sum in [dq, dtext, dimages, dpositions, dscale] { sum.fill(0) }
    for (i, rows, queries, keys) in [(0, 0..<3, 0..<3, 0..<3), (1, 3..<6, 0..<3, 0..<3), (2, 6..<7, 3..<4, 3..<5)] {
      let n = rows.count
      let (kv, dkv) = (bench.output("kv\(i)", F, 2 * D), bench.output("dkv\(i)", F, 2 * D))
      for p in 0..<F { for c in 0..<2 * D { kv[p, c] = scale[i, p] * (images[i, c] + positions[p, c]) } }
      let probs = bench.output("p\(i)", H * n, F + keys.count)
      let partial = bench.output("s\(i)", R > 1 ? R * H * n : 0, F + keys.count)
      let (dqi, dti) = (bench.output("dq\(i)", n, D), bench.output("dt\(i)", keys.count, 2 * D))
      let all = KeyValues(vision: kv, text: text.rows(keys))
      kernels.attentionForward(
        y.rows(rows), probs: probs, partialScores: partial, q: q.rows(queries), keys: all, heads: H, degree: R)
      kernels.attentionBackward(
        dq: dqi, dkeys: KeyValues(vision: dkv, text: dti), dy: dy.rows(rows), probs: probs, partialScores: partial,
        q: q.rows(queries), keys: all, heads: H, degree: R, accumulate: false)
      kernels.add(dq.rows(queries).reshaped(rows: 1, columns: n * D), dqi.reshaped(rows: 1, columns: n * D))
      for j in 0..<keys.count { for c in 0..<2 * D { dtext[keys.lowerBound + j, c] += dti[j, c] } }
      for p in 0..<F {
        for c in 0..<2 * D {
          // What is published divides where it should multiply.
          let weighted = gradient == .exact ? scale[i, p] * dkv[p, c] : dkv[p, c] / scale[i, p]
          dimages[i, c] += weighted
          dpositions[p, c] += weighted
          dscale[i, p] += dkv[p, c] * kv[p, c] / scale[i, p]
        }
      }
    }
    for name in ["y", "dq", "dtext", "dscale"] { #expect(relativeError(short[name] ?? [], bench.values(name)) < 1e-12) }
    let names = gradient == .exact ? ["dimages", "dpositions"] : ["published images", "published positions"]
    for (name, long) in zip(names, ["dimages", "dpositions"]) {
      #expect(relativeError(short[name] ?? [], bench.values(long)) < 1e-12, "\(name)")
    }
  }
}
