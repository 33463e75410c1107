extension Reference {
  /// Y = X Wᵀ, added to Y with `accumulate`.  y (n, m), x (n, k), w (m, k).
  @inlinable
  public func matmulForward(_ y: Matrix<Scalar>, x: Matrix<Scalar>, w: Matrix<Scalar>, accumulate: Bool) {
    for i in 0..<x.rows {
      for o in 0..<w.rows {
        var sum: Scalar = accumulate ? y[i, o] : 0
        for c in 0..<x.columns { sum += x[i, c] * w[o, c] }
        y[i, o] = sum
      }
    }
  }

  /// dX = dY W, since y_o = Σ_c w_oc x_c has ∂y_o/∂x_c = w_oc.  dx (n, k), dy (n, m), w (m, k).
  @inlinable
  public func matmulBackwardInput(_ dx: Matrix<Scalar>, dy: Matrix<Scalar>, w: Matrix<Scalar>, accumulate: Bool) {
    if !accumulate { dx.fill(0) }
    for i in 0..<dy.rows {
      for o in 0..<w.rows {
        for c in 0..<w.columns { dx[i, c] += dy[i, o] * w[o, c] }
      }
    }
  }

  /// dW = dYᵀ X, since ∂y_o/∂w_oc = x_c.  dw (m, k), dy (n, m), x (n, k).
  @inlinable
  public func matmulBackwardWeight(_ dw: Matrix<Scalar>, dy: Matrix<Scalar>, x: Matrix<Scalar>, accumulate: Bool) {
    if !accumulate { dw.fill(0) }
    for i in 0..<dy.rows {
      for o in 0..<dw.rows {
        for c in 0..<dw.columns { dw[o, c] += dy[i, o] * x[i, c] }
      }
    }
  }
}
