import CVLMKernels
import ReferenceKernels

extension Kernels {
  /// y = (W_0 x) ⊙ (W_1 x) ⊙ … ⊙ (W_{R-1} x).
  @inlinable
  public func featureProductForward(_ y: Matrix<Scalar>, factors: Matrix<Scalar>, x: Matrix<Scalar>, w: Matrix<Scalar>)
  {
    let (n, k, m) = (x.rows, x.columns, y.columns)
    let R = w.rows / max(m, 1)
    y.require(n, m, strided: true)
    factors.require(n, R * m)
    x.require(n, k)
    w.require(R * m, k)
    run(#function) { c in
      c.table.pointee.feature_product_forward(y.floats, y.stride, factors.floats, x.floats, w.floats, n, k, m, R)
    } swift: { swift in
      swift.featureProductForward(y, factors: factors, x: x, w: w)
    }
  }

  /// d(W_r x) = dy ⊙ ∏_{s ≠ r} W_s x, and from there dW_r and dX.
  @inlinable
  public func featureProductBackward(
    dw: Matrix<Scalar>?, dx: Matrix<Scalar>?, dfactors: Matrix<Scalar>, dy: Matrix<Scalar>, factors: Matrix<Scalar>,
    x: Matrix<Scalar>, w: Matrix<Scalar>, accumulate: Bool
  ) {
    let (n, k, m) = (x.rows, x.columns, dy.columns)
    let R = w.rows / max(m, 1)
    dw?.require(R * m, k)
    dx?.require(n, k)
    dfactors.require(n, R * m)
    dy.require(n, m, strided: true)
    factors.require(n, R * m)
    x.require(n, k)
    w.require(R * m, k)
    run(#function) { c in
      c.table.pointee.feature_product_backward(
        dw?.floats, dx?.floats, dfactors.floats, dy.floats, dy.stride, factors.floats, x.floats, w.floats, n, k, m, R,
        accumulate.flag)
    } swift: { swift in
      swift.featureProductBackward(
        dw: dw, dx: dx, dfactors: dfactors, dy: dy, factors: factors, x: x, w: w, accumulate: accumulate)
    }
  }
}
