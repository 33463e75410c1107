extension Reference {
  /// y = W2 relu(W1 x), added to y with `accumulate`.
  ///
  /// y, x (n, D); w1 (E, D); w2 (D, E). Keeps hidden (n, E): relu(W1 x).
  @inlinable
  public func mlpForward(
    _ y: Matrix<Scalar>, hidden: Matrix<Scalar>, x: Matrix<Scalar>, w1: Matrix<Scalar>, w2: Matrix<Scalar>,
    accumulate: Bool
  ) {
    matmulForward(hidden, x: x, w: w1, accumulate: false)
    for i in 0..<hidden.rows {
      for j in 0..<hidden.columns where hidden[i, j] < 0 { hidden[i, j] = 0 }
    }
    matmulForward(y, x: hidden, w: w2, accumulate: accumulate)
  }

  /// d relu(z) passes where z > 0, so where hidden > 0; the two products as in matmul.
  ///
  /// dx (n, D); dw1 (E, D), dw2 (D, E); dhidden (n, E). `accumulate` adds into dw1 and dw2.
  @inlinable
  public func mlpBackward(
    dx: Matrix<Scalar>, dw1: Matrix<Scalar>, dw2: Matrix<Scalar>, dhidden: Matrix<Scalar>, dy: Matrix<Scalar>,
    hidden: Matrix<Scalar>, x: Matrix<Scalar>, w1: Matrix<Scalar>, w2: Matrix<Scalar>, accumulate: Bool
  ) {
    matmulBackwardWeight(dw2, dy: dy, x: hidden, accumulate: accumulate)
    matmulBackwardInput(dhidden, dy: dy, w: w2, accumulate: false)
    for i in 0..<hidden.rows {
      for j in 0..<hidden.columns where !(hidden[i, j] > 0) { dhidden[i, j] = 0 }
    }
    matmulBackwardWeight(dw1, dy: dhidden, x: x, accumulate: accumulate)
    matmulBackwardInput(dx, dy: dhidden, w: w1, accumulate: false)
  }
}
