extension Reference {
  /// y = (W_0 x) ⊙ (W_1 x) ⊙ … ⊙ (W_{R-1} x): a kernel of degree R in x.
  ///
  /// y (n, m); x (n, k); w (R m, k), the R weights one below the other. Keeps factors (n, R m): W_0 x, W_1 x, … side by side.
  @inlinable
  public func featureProductForward(
    _ y: Matrix<Scalar>, factors: Matrix<Scalar>, x: Matrix<Scalar>, w: Matrix<Scalar>
  ) {
    matmulForward(factors, x: x, w: w, accumulate: false)
    let m = y.columns
    for i in 0..<y.rows {
      for j in 0..<m {
        var product: Scalar = 1
        for r in 0..<w.rows / m { product *= factors[i, r * m + j] }
        y[i, j] = product
      }
    }
  }

  /// d(W_r x) = dy ⊙ ∏_{s ≠ r} W_s x; from there as in matmul.
  ///
  /// dw (R m, k) and dx (n, k), if these gradients are wanted; dfactors (n, R m). `accumulate` adds into dw.
  @inlinable
  public func featureProductBackward(
    dw: Matrix<Scalar>?, dx: Matrix<Scalar>?, dfactors: Matrix<Scalar>, dy: Matrix<Scalar>, factors: Matrix<Scalar>,
    x: Matrix<Scalar>, w: Matrix<Scalar>, accumulate: Bool
  ) {
    let m = dy.columns
    let degree = w.rows / max(m, 1)
    for i in 0..<dy.rows {
      for j in 0..<m {
        for r in 0..<degree {
          var others: Scalar = 1
          for s in 0..<degree where s != r { others *= factors[i, s * m + j] }
          dfactors[i, r * m + j] = dy[i, j] * others
        }
      }
    }
    if let dw { matmulBackwardWeight(dw, dy: dfactors, x: x, accumulate: accumulate) }
    if let dx { matmulBackwardInput(dx, dy: dfactors, w: w, accumulate: false) }
  }
}
