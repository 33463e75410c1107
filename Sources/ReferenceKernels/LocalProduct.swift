extension Reference {
  /// Bilinear features of every window of a map, with the same weights everywhere:
  ///
  ///     y = (left window) ⊙ (right window)
  ///
  /// y (n, H' W' C); x (n, H W C'); w (2 C, k k C'), left above right. Keeps factors (n H' W', 2 C): left window beside
  /// right window.
  @inlinable
  public func localProductForward(
    _ y: Matrix<Scalar>, factors: Matrix<Scalar>, x: Matrix<Scalar>, w: Matrix<Scalar>, shape: LocalShape
  ) {
    let C = shape.outputs
    for place in 0..<shape.places {
      let window = shape.window(at: place)
      for i in 0..<x.rows {
        let row = i * shape.places + place
        for c in 0..<2 * C {
          var sum: Scalar = 0
          for (entry, at) in window.enumerated() { sum += w[c, entry] * (at.map { x[i, $0] } ?? 0) }
          factors[row, c] = sum
        }
        for c in 0..<C { y[i, place * C + c] = factors[row, c] * factors[row, C + c] }
      }
    }
  }

  /// With u = left window, v = right window: du = dy ⊙ v, dv = dy ⊙ u. At each place dleft gains du windowᵀ, dright
  /// dv windowᵀ, and dx, where the window stands, leftᵀ du + rightᵀ dv.
  ///
  /// dw (2 C, k k C') and dx (n, H W C'), if these gradients are wanted; dy as y. `accumulate` adds into dw.
  @inlinable
  public func localProductBackward(
    dw: Matrix<Scalar>?, dx: Matrix<Scalar>?, dy: Matrix<Scalar>, factors: Matrix<Scalar>, x: Matrix<Scalar>,
    w: Matrix<Scalar>, shape: LocalShape, accumulate: Bool
  ) {
    let C = shape.outputs
    if !accumulate { dw?.fill(0) }
    dx?.fill(0)
    for place in 0..<shape.places {
      let window = shape.window(at: place)
      for i in 0..<x.rows {
        for c in 0..<2 * C {
          let other = (c + C) % (2 * C)
          let dfactor = dy[i, place * C + c % C] * factors[i * shape.places + place, other]
          for (entry, at) in window.enumerated() {
            dw?[c, entry] += dfactor * (at.map { x[i, $0] } ?? 0)
            if let at { dx?[i, at] += dfactor * w[c, entry] }
          }
        }
      }
    }
  }
}
