/// The vision keys of all images in factors, as `visionProjectionForward` gives them: kv_ip = scale_ip (images_i + positions_p).
public struct VisionFactors<Scalar: KernelScalar> {
  /// What an image gives: a key and then its value, (B, 2 D).
  public let images: Matrix<Scalar>
  /// What a position gives, likewise: (F, 2 D).
  public let positions: Matrix<Scalar>
  /// (B, F).
  public let scale: Matrix<Scalar>

  /// Views of the three, whose shapes the operations check.
  @inlinable
  public init(images: Matrix<Scalar>, positions: Matrix<Scalar>, scale: Matrix<Scalar>) {
    self.images = images
    self.positions = positions
    self.scale = scale
  }
}

/// Neighbouring images whose text is the same, so that they share the text's queries, keys and values.
public struct TextRun {
  /// Rows of the images' factors.
  public let images: Range<Int>
  /// Rows of q: the queries, which belong to the last of the text positions.
  public let queries: Range<Int>
  /// Rows of the text's keys.
  public let text: Range<Int>
  /// The first row of y.
  public let firstRow: Int
  /// The text keys of all images before, each counted for itself.
  @usableFromInline let textBefore: Int

  @inlinable
  init(images: Range<Int>, queries: Range<Int>, text: Range<Int>, firstRow: Int, textBefore: Int) {
    self.images = images
    self.queries = queries
    self.text = text
    self.firstRow = firstRow
    self.textBefore = textBefore
  }

  /// The runs that `counts` (r, 3) tells of: images, queries and text positions of each.
  @inlinable
  public static func all(_ counts: Matrix<Int32>) -> [TextRun] {
    var (images, queries, text, row, keys) = (0, 0, 0, 0, 0)
    return (0..<counts.rows).map { r in
      let (B, n, S) = (Int(counts[r, 0]), Int(counts[r, 1]), Int(counts[r, 2]))
      defer {
        (images, queries, text) = (images + B, queries + n, text + S)
        (row, keys) = (row + B * n, keys + B * S)
      }
      return TextRun(
        images: images..<images + B, queries: queries..<queries + n, text: text..<text + S, firstRow: row,
        textBefore: keys)
    }
  }

  /// The row of y that query `t` of `image` has.
  @inlinable
  public func row(image: Int, query t: Int) -> Int { firstRow + (image - images.lowerBound) * queries.count + t }

  /// The row of probs that key `j` of `image` has: vision keys, `features` of them, come before text keys.
  @inlinable
  public func probRow(image: Int, key j: Int, features F: Int) -> Int {
    image * F + textBefore + (image - images.lowerBound) * text.count + j
  }
}

extension Reference {
  /// Attention over vision keys that are never made, and over the text's.
  ///
  /// With k_r,ip = scale_ip (kb_r,i + kw_r,p) the dot product of a query's part with a vision key is scale_ip D_r, where
  ///
  ///     D_r = q_r · kb_r,i + q_r · kw_r,p        score = scale_ip^R D_1 … D_R / d^(R/2)
  ///
  /// and so with v_ip = scale_ip (vb_i + vw_p) and α = Σ_p probs_p scale_ip
  ///
  ///     y = α vb_i + Σ_p probs_p scale_ip vw_p + Σ_j probs_j v_j
  ///
  /// A text key has R dot products of its own, and its scale is 1. The first term of D depends on the image alone, the
  /// second on query and position: images with the same text, a run, share it.
  ///
  /// y: n rows of D for each image, run after run; q: n rows for each run; text: S rows of 2 D for each run; runs (r, 3).
  /// Keeps probs, (F + S, W) for each image: lane t H + h of a key's row is query t in head h: 0 where masked,
  /// unspecified in lanes beyond n H. dots and scratch are not needed here.
  @inlinable
  public func visionAttentionForward(
    _ y: Matrix<Scalar>, probs: Matrix<Scalar>, dots: Matrix<Scalar>, scratch: Matrix<Scalar>,
    vision: VisionFactors<Scalar>, q: Matrix<Scalar>, text: Matrix<Scalar>, runs: Matrix<Int32>, heads H: Int,
    degree R: Int
  ) {
    let (F, D) = (vision.positions.rows, q.columns)
    let d = D / H
    forEachQuery(runs, heads: H, F: F) { run, image, t, h, visible in
      let query = run.queries.lowerBound + t
      let row = run.row(image: image, query: t)
      let lane = t * H + h
      let firstKey = run.probRow(image: image, key: 0, features: F)
      for j in 0..<F + run.text.count { probs[firstKey + j, lane] = 0 }
      var p = (0..<visible).map { j in
        var score: Scalar = 1
        for r in 0..<R {
          score *= dot(part: r, of: query, image: image, key: j, run, vision, q, text, head: h, heads: H, degree: R)
          if j < F { score *= vision.scale[image, j] }
        }
        return score / scoreScale(d, degree: R)
      }
      let largest = p.max() ?? 0
      for j in p.indices { p[j] = Scalar.exp(p[j] - largest) }
      let total = p.reduce(0, +)
      for j in p.indices {
        p[j] /= total
        probs[firstKey + j, lane] = p[j]
      }
      var alpha: Scalar = 0
      for j in 0..<min(F, visible) { alpha += p[j] * vision.scale[image, j] }
      for c in h * d..<(h + 1) * d {
        var sum = alpha * vision.images[image, D + c]
        for j in 0..<visible {
          sum +=
            j < F
            ? p[j] * vision.scale[image, j] * vision.positions[j, D + c]
            : p[j] * text[run.text.lowerBound + j - F, D + c]
        }
        y[row, c] = sum
      }
    }
  }

  /// With g = dy · v, for a vision key scale_ip (dy · vb_i + dy · vw_p), softmax gives dscore = probs (g − dy · y), since
  /// Σ probs g = dy · y. So with x = dscore scale^R / d^(R/2) and G_r = x ∏_{s ≠ r} D_s, the gradient of D_r,
  ///
  ///     dq_r       = Σ G_r (kb_r,i + kw_r,p)
  ///     dkb_r,i    = Σ_p,t G_r q_r              dvb_i = Σ_p,t probs scale dy       (dkw_p, dvw_p: Σ over i, t)
  ///     dscale_ip  = Σ_t (probs g + R x D_1 … D_R) / scale_ip
  ///
  /// Text keys have gradients as in `attentionBackward`, summed over the images of their run. What is published divides by
  /// the scale where it should multiply: `published` gets the sums of images and positions with G_r / scale² and
  /// probs / scale.
  @inlinable
  public func visionAttentionBackward(
    dq: Matrix<Scalar>, dtext: Matrix<Scalar>, dvision: VisionFactors<Scalar>,
    published: (images: Matrix<Scalar>, positions: Matrix<Scalar>)?, scratch: Matrix<Scalar>, dy: Matrix<Scalar>,
    y: Matrix<Scalar>, probs: Matrix<Scalar>, dots: Matrix<Scalar>, vision: VisionFactors<Scalar>, q: Matrix<Scalar>,
    text: Matrix<Scalar>, runs: Matrix<Int32>, heads H: Int, degree R: Int
  ) {
    let (F, D) = (vision.positions.rows, q.columns)
    let d = D / H
    for sums in [dq, dtext, dvision.images, dvision.positions, dvision.scale] { sums.fill(0) }
    published?.images.fill(0)
    published?.positions.fill(0)
    forEachQuery(runs, heads: H, F: F) { run, image, t, h, visible in
      let query = run.queries.lowerBound + t
      let row = run.row(image: image, query: t)
      let head = h * d..<(h + 1) * d
      let depth = d / R
      var mean: Scalar = 0
      var ofImage: Scalar = 0
      for c in head {
        mean += dy[row, c] * y[row, c]
        ofImage += dy[row, c] * vision.images[image, D + c]
      }
      for j in 0..<visible {
        let p = probs[run.probRow(image: image, key: j, features: F), t * H + h]
        let isVision = j < F
        let s = isVision ? vision.scale[image, j] : 1
        let key = isVision ? vision.positions.rows(j..<j + 1) : text.rows(run.text).rows(j - F..<j - F + 1)
        let dkey = isVision ? dvision.positions.rows(j..<j + 1) : dtext.rows(run.text).rows(j - F..<j - F + 1)
        var g = isVision ? ofImage : 0
        for c in head { g += dy[row, c] * key[0, D + c] }
        g *= s
        let parts = (0..<R).map {
          dot(part: $0, of: query, image: image, key: j, run, vision, q, text, head: h, heads: H, degree: R)
        }
        var x = p * (g - mean) / scoreScale(d, degree: R)
        for _ in 0..<R { x *= s }
        for r in 0..<R {
          var G = x
          for other in 0..<R where other != r { G *= parts[other] }
          for c in h * d + r * depth..<h * d + (r + 1) * depth {
            dq[query, c] += G * key[0, c]
            dkey[0, c] += G * q[query, c]
            guard isVision else { continue }
            dq[query, c] += G * vision.images[image, c]
            dvision.images[image, c] += G * q[query, c]
            published?.images[image, c] += G / (s * s) * q[query, c]
            published?.positions[j, c] += G / (s * s) * q[query, c]
          }
        }
        for c in head {
          dkey[0, D + c] += p * s * dy[row, c]
          guard isVision else { continue }
          dvision.images[image, D + c] += p * s * dy[row, c]
          published?.images[image, D + c] += p / s * dy[row, c]
          published?.positions[j, D + c] += p / s * dy[row, c]
        }
        if isVision { dvision.scale[image, j] += (p * g + Scalar(R) * parts.reduce(x, *)) / s }
      }
    }
  }

  /// Each query of each image, in each head, and the number of keys that it sees.
  @inlinable
  func forEachQuery(_ runs: Matrix<Int32>, heads H: Int, F: Int, _ body: (TextRun, Int, Int, Int, Int) -> Void) {
    for run in TextRun.all(runs) {
      for image in run.images {
        for t in 0..<run.queries.count {
          for h in 0..<H { body(run, image, t, h, F + run.text.count - run.queries.count + t + 1) }
        }
      }
    }
  }

  /// D_r of a vision key, or q_r · k_r of a text key.
  @inlinable
  func dot(
    part r: Int, of query: Int, image: Int, key j: Int, _ run: TextRun, _ vision: VisionFactors<Scalar>,
    _ q: Matrix<Scalar>, _ text: Matrix<Scalar>, head h: Int, heads H: Int, degree R: Int
  ) -> Scalar {
    let (F, d) = (vision.positions.rows, q.columns / H)
    var (ofImage, ofKey): (Scalar, Scalar) = (0, 0)
    for c in h * d + r * d / R..<h * d + (r + 1) * d / R {
      if j < F { ofImage += q[query, c] * vision.images[image, c] }
      ofKey += q[query, c] * (j < F ? vision.positions[j, c] : text[run.text.lowerBound + j - F, c])
    }
    return ofImage + ofKey
  }
}
