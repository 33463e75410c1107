import CVLMKernels
import ReferenceKernels

extension Kernels {
  /// y = (A x1) ⊙ (B x2).
  @inlinable
  public func tensorProductForward(
    _ y: Matrix<Scalar>, factors: Matrix<Scalar>, x1: Matrix<Scalar>, x2: Matrix<Scalar>, a: Matrix<Scalar>,
    b: Matrix<Scalar>
  ) {
    let (n, k, m) = (x1.rows, x1.columns, y.columns)
    y.require(n, m, strided: true)
    factors.require(n, 2 * m)
    x1.require(n, k)
    x2.require(n, k)
    a.require(m, k)
    b.require(m, k)
    run(#function) { c in
      c.table.pointee.tensor_product_forward(
        y.floats, y.stride, factors.floats, x1.floats, x2.floats, a.floats, b.floats, n, k, m)
    } swift: { swift in
      swift.tensorProductForward(y, factors: factors, x1: x1, x2: x2, a: a, b: b)
    }
  }

  /// d(A x1) = dy ⊙ (B x2), d(B x2) = dy ⊙ (A x1), and from there dA, dB, dX1 and dX2.
  @inlinable
  public func tensorProductBackward(
    da: Matrix<Scalar>, db: Matrix<Scalar>, dx1: Matrix<Scalar>, dx2: Matrix<Scalar>, dfactors: Matrix<Scalar>,
    dy: Matrix<Scalar>, factors: Matrix<Scalar>, x1: Matrix<Scalar>, x2: Matrix<Scalar>, a: Matrix<Scalar>,
    b: Matrix<Scalar>, accumulate: Bool
  ) {
    let (n, k, m) = (x1.rows, x1.columns, dy.columns)
    dx1.require(n, k)
    dx2.require(n, k)
    x1.require(n, k)
    x2.require(n, k)
    da.require(m, k)
    db.require(m, k)
    a.require(m, k)
    b.require(m, k)
    dfactors.require(n, 2 * m)
    factors.require(n, 2 * m)
    dy.require(n, m, strided: true)
    run(#function) { c in
      c.table.pointee.tensor_product_backward(
        da.floats, db.floats, dx1.floats, dx2.floats, dfactors.floats, dy.floats, dy.stride, factors.floats, x1.floats,
        x2.floats, a.floats, b.floats, n, k, m, accumulate.flag)
    } swift: { swift in
      swift.tensorProductBackward(
        da: da, db: db, dx1: dx1, dx2: dx2, dfactors: dfactors, dy: dy, factors: factors, x1: x1, x2: x2, a: a, b: b,
        accumulate: accumulate)
    }
  }
}
