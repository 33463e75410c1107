import ReferenceKernels

/// The sizes that the runs of a call give its operands.
public struct VisionAttentionSizes {
  /// Images, rows of y, queries and text rows of all runs; and the largest number of queries and of text rows of one.
  public private(set) var (images, rows, queries, text, mostQueries, mostText) = (0, 0, 0, 0, 0, 0)
  @usableFromInline let (F, D, H, R): (Int, Int, Int, Int)

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
      (mostQueries, mostText) = (max(mostQueries, n), max(mostText, S))
    }
  }

  /// W: the least number of lanes that all keys of an image fit into.
  public var lanes: Int { (F + mostText + 15) / 16 * 16 }

  /// The scalars of forward's scratch, or with `sums` of backward's: once, or for the published gradient twice.
  public func scratch(lanes W: Int, sums: Int = 0) -> Int {
    let n = mostQueries
    return (2 * D + 4) * W + n * (2 * D + H * R + H) + 2 * D + sums * (2 * D * W + n * H * (R + 1) * (W + 1))
  }

  @usableFromInline
  func require<Scalar>(
    vision: VisionFactors<Scalar>, q: Matrix<Scalar>, text: Matrix<Scalar>, probs: Matrix<Scalar>, dots: Matrix<Scalar>
  ) {
    let W = probs.columns
    precondition(W % 16 == 0 && W >= lanes, "\(F) and \(mostText) keys in \(W) lanes")
    vision.require(images: images, positions: F, width: D)
    q.require(queries, D)
    text.require(self.text, 2 * D)
    probs.require(rows * H, W)
    dots.require(queries * H * R, W)
  }
}
