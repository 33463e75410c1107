import ReferenceKernels

/// The sizes that the runs of a call give its operands.
public struct VisionAttentionSizes {
  /// Images, rows of y, queries and text rows of all runs; and the largest number of queries and of text rows of one.
  public private(set) var (images, rows, queries, text, mostQueries, mostText) = (0, 0, 0, 0, 0, 0)
  /// Rows of probs, a key of an image each; and of dots, a part of a key of a run.
  public private(set) var (probRows, dotRows) = (0, 0)
  @usableFromInline let (F, D, H, R): (Int, Int, Int, Int)

  /// Those of `runs` (r, 3): of each its images, its queries n and its text positions S, n <= S. Traps where these are none.
  public init(_ runs: Matrix<Int32>, features: Int, width: Int, heads: Int, degree: Int) {
    (F, D, H, R) = (features, width, heads, degree)
    runs.require(runs.rows, 3)
    precondition(
      H > 0 && (1...16).contains(R) && D % (H * R) == 0, "width \(D) in \(H) heads of \(R) parts")
    for r in 0..<runs.rows {
      let (B, n, S) = (Int(runs[r, 0]), Int(runs[r, 1]), Int(runs[r, 2]))
      precondition(B >= 0 && n >= 0 && n <= S, "\(B) images with \(n) queries at \(S) positions")
      images += B
      rows += B * n
      queries += n
      text += S
      probRows += B * (F + S)
      dotRows += R * (F + S)
      (mostQueries, mostText) = (max(mostQueries, n), max(mostText, S))
    }
  }

  /// W: a multiple of 16 lanes that the queries of an image fit into, in all heads.
  public var lanes: Int { (H * mostQueries + 15) / 16 * 16 }

  /// The scalars of forward's scratch, or with `sums` of backward's: once, or for the published gradient twice.
  public func scratch(sums: Int = 0) -> Int {
    let (d, W, keys) = (D / H, lanes, F + mostText + 1)
    // Heads repeat after a multiple of 16 lanes, H / gcd(H, 16) of them.
    let patterns = 2 * d * 16 * (H / (1 << min(H.trailingZeroBitCount, 4))) * keys
    let forward = patterns + d * (W + 16) + F + 32
    guard sums > 0 else { return forward }
    return forward + W * (2 * d + R + 2) + 16 * F + sums * (patterns + W * (R * keys + 1))
  }

  /// The probability that query `t` of an image of the run gives to key `j` in head `h`: first the vision's keys, then
  /// the text's.
  public func probability<Scalar>(
    _ probs: Matrix<Scalar>, run: TextRun, image: Int, query t: Int, head h: Int, key j: Int
  ) -> Scalar {
    probs[run.probRow(image: image, key: j, features: F), t * H + h]
  }

  @usableFromInline
  func require<Scalar>(
    vision: VisionFactors<Scalar>, q: Matrix<Scalar>, text: Matrix<Scalar>, probs: Matrix<Scalar>, dots: Matrix<Scalar>
  ) {
    vision.require(images: images, positions: F, width: D)
    q.require(queries, D)
    text.require(self.text, 2 * D)
    probs.require(probRows, lanes)
    dots.require(dotRows, lanes)
  }
}
