extension Reference {
  /// y_i = x_index(i): rows that stand in several places.
  ///
  /// y (n, k); x (u, k); index (n, 1).
  @inlinable
  public func gatherForward(_ y: Matrix<Scalar>, x: Matrix<Scalar>, index: Matrix<Int32>) {
    for i in 0..<y.rows {
      for c in 0..<y.columns { y[i, c] = x[Int(index[i, 0]), c] }
    }
  }

  /// A row's gradient is the sum over the places where it stands: dx_j = Σ_i dy_i, over i with index(i) = j.
  ///
  /// dx (u, k); dy (n, k); index (n, 1).
  @inlinable
  public func gatherBackward(_ dx: Matrix<Scalar>, dy: Matrix<Scalar>, index: Matrix<Int32>) {
    dx.fill(0)
    for i in 0..<dy.rows {
      for c in 0..<dy.columns { dx[Int(index[i, 0]), c] += dy[i, c] }
    }
  }
}
