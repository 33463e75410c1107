extension Reference {
  /// Σ x², in Double.
  @inlinable
  public func squaredNorm(_ x: Matrix<Scalar>) -> Double {
    var sum = 0.0
    for i in 0..<x.rows {
      for j in 0..<x.columns { sum += Double(x[i, j]) * Double(x[i, j]) }
    }
    return sum
  }

  /// y += x.  y, x: the same shape.
  @inlinable
  public func add(_ y: Matrix<Scalar>, _ x: Matrix<Scalar>) {
    for i in 0..<y.rows {
      for j in 0..<y.columns { y[i, j] += x[i, j] }
    }
  }
}
