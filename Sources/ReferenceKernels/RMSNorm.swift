extension Reference {
  /// y = x / rms, rms = √(mean(x²) + 1e-5), for each row; no gain.  y, x (n, k); y may be x. Keeps rms (n, 1).
  @inlinable
  public func rmsNormForward(_ y: Matrix<Scalar>, rms: Matrix<Scalar>, x: Matrix<Scalar>) {
    for i in 0..<x.rows {
      var squares: Scalar = 0
      for j in 0..<x.columns { squares += x[i, j] * x[i, j] }
      rms[i, 0] = (squares / Scalar(x.columns) + 1e-5).squareRoot()
      for j in 0..<x.columns { y[i, j] = x[i, j] / rms[i, 0] }
    }
  }

  /// dx = (dy − y mean(y ⊙ dy)) / rms: from ∂y_a/∂x_b = δ_ab / rms − x_a x_b / (k rms³), and x = rms y.
  ///
  /// The published gradient is dx = dy · rms.  dx, dy, y (n, k); rms (n, 1). Without `accumulate` dx may be dy.
  @inlinable
  public func rmsNormBackward(
    _ dx: Matrix<Scalar>, dy: Matrix<Scalar>, y: Matrix<Scalar>, rms: Matrix<Scalar>, gradient: GradientKind,
    accumulate: Bool
  ) {
    for i in 0..<y.rows {
      var along: Scalar = 0
      for j in 0..<y.columns { along += y[i, j] * dy[i, j] }
      let mean = along / Scalar(y.columns)
      for j in 0..<y.columns {
        let value = gradient == .published ? dy[i, j] * rms[i, 0] : (dy[i, j] - y[i, j] * mean) / rms[i, 0]
        dx[i, j] = accumulate ? dx[i, j] + value : value
      }
    }
  }
}
