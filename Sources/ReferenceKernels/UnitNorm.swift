extension Reference {
  /// y = x / (|x| + ε) for each row, ε = 1e-8.  y, x (n, k); y may be x. Keeps norm (n, 1): |x|.
  @inlinable
  public func unitNormForward(_ y: Matrix<Scalar>, norm: Matrix<Scalar>, x: Matrix<Scalar>) {
    for i in 0..<x.rows {
      var squares: Scalar = 0
      for j in 0..<x.columns { squares += x[i, j] * x[i, j] }
      norm[i, 0] = squares.squareRoot()
      for j in 0..<x.columns { y[i, j] = x[i, j] / (norm[i, 0] + 1e-8) }
    }
  }

  /// dx = dy / (|x| + ε) − y (y·dy) / |x|: from ∂y_a/∂x_b = δ_ab / (|x| + ε) − x_a x_b / (|x| (|x| + ε)²), and
  /// x = (|x| + ε) y. At |x| = 0 the second term is 0.
  ///
  /// The published gradient ignores where ε stands: dx = (dy − y (y·dy)) / (|x| + ε).
  /// dx, dy, y (n, k); norm (n, 1); dx may be dy.
  @inlinable
  public func unitNormBackward(
    _ dx: Matrix<Scalar>, dy: Matrix<Scalar>, y: Matrix<Scalar>, norm: Matrix<Scalar>, gradient: GradientKind
  ) {
    for i in 0..<y.rows {
      var along: Scalar = 0
      for j in 0..<y.columns { along += y[i, j] * dy[i, j] }
      let length = norm[i, 0]
      let scale = length + 1e-8
      let radial = gradient == .published ? along / scale : length == 0 ? 0 : along / length
      for j in 0..<y.columns { dx[i, j] = dy[i, j] / scale - y[i, j] * radial }
    }
  }
}
