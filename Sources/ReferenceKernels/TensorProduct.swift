extension Reference {
  /// y = (A x1) ⊙ (B x2): low-rank bilinear pooling of two inputs; the BAE × BAE tokens, degree 4 in the image.
  ///
  /// y (n, m); x1, x2 (n, k); a, b (m, k). Keeps factors (n, 2 m): A x1 and B x2 side by side.
  @inlinable
  public func tensorProductForward(
    _ y: Matrix<Scalar>, factors: Matrix<Scalar>, x1: Matrix<Scalar>, x2: Matrix<Scalar>, a: Matrix<Scalar>,
    b: Matrix<Scalar>
  ) {
    let m = y.columns
    let left = factors.columns(0..<m)
    let right = factors.columns(m..<2 * m)
    matmulForward(left, x: x1, w: a, accumulate: false)
    matmulForward(right, x: x2, w: b, accumulate: false)
    for i in 0..<y.rows {
      for j in 0..<m { y[i, j] = left[i, j] * right[i, j] }
    }
  }

  /// d(A x1) = dy ⊙ (B x2), d(B x2) = dy ⊙ (A x1); from there as in matmul.
  ///
  /// da, db (m, k); dx1, dx2 (n, k); dfactors (n, 2 m). `accumulate` adds into da and db.
  @inlinable
  public func tensorProductBackward(
    da: Matrix<Scalar>, db: Matrix<Scalar>, dx1: Matrix<Scalar>, dx2: Matrix<Scalar>, dfactors: Matrix<Scalar>,
    dy: Matrix<Scalar>, factors: Matrix<Scalar>, x1: Matrix<Scalar>, x2: Matrix<Scalar>, a: Matrix<Scalar>,
    b: Matrix<Scalar>, accumulate: Bool
  ) {
    let m = dy.columns
    let dleft = dfactors.columns(0..<m)
    let dright = dfactors.columns(m..<2 * m)
    for i in 0..<dy.rows {
      for j in 0..<m {
        dleft[i, j] = dy[i, j] * factors[i, m + j]
        dright[i, j] = dy[i, j] * factors[i, j]
      }
    }
    matmulBackwardWeight(da, dy: dleft, x: x1, accumulate: accumulate)
    matmulBackwardWeight(db, dy: dright, x: x2, accumulate: accumulate)
    matmulBackwardInput(dx1, dy: dleft, w: a, accumulate: false)
    matmulBackwardInput(dx2, dy: dright, w: b, accumulate: false)
  }
}
