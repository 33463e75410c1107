import CVLMKernels
import ReferenceKernels

extension Kernels {
  /// y = W2 relu(W1 x).
  @inlinable
  public func mlpForward(
    _ y: Matrix<Scalar>, hidden: Matrix<Scalar>, x: Matrix<Scalar>, w1: Matrix<Scalar>, w2: Matrix<Scalar>,
    accumulate: Bool
  ) {
    let (n, D, E) = (x.rows, x.columns, w1.rows)
    y.require(n, D)
    hidden.require(n, E)
    x.require(n, D)
    w1.require(E, D)
    w2.require(D, E)
    run(#function) { c in
      c.table.pointee.mlp_forward(
        y.floats, hidden.floats, x.floats, w1.floats, w2.floats, n, D, E, accumulate.flag)
    } swift: { swift in
      swift.mlpForward(y, hidden: hidden, x: x, w1: w1, w2: w2, accumulate: accumulate)
    }
  }

  /// dhidden = dY W2 where hidden > 0, and from there dW1, dW2 and dX.
  @inlinable
  public func mlpBackward(
    dx: Matrix<Scalar>, dw1: Matrix<Scalar>, dw2: Matrix<Scalar>, dhidden: Matrix<Scalar>, dy: Matrix<Scalar>,
    hidden: Matrix<Scalar>, x: Matrix<Scalar>, w1: Matrix<Scalar>, w2: Matrix<Scalar>, accumulate: Bool
  ) {
    let (n, D, E) = (x.rows, x.columns, w1.rows)
    dx.require(n, D)
    dy.require(n, D)
    x.require(n, D)
    dhidden.require(n, E)
    hidden.require(n, E)
    dw1.require(E, D)
    w1.require(E, D)
    dw2.require(D, E)
    w2.require(D, E)
    run(#function) { c in
      c.table.pointee.mlp_backward(
        dx.floats, dw1.floats, dw2.floats, dhidden.floats, dy.floats, hidden.floats, x.floats, w1.floats, w2.floats, n,
        D,
        E, accumulate.flag)
    } swift: { swift in
      swift.mlpBackward(
        dx: dx, dw1: dw1, dw2: dw2, dhidden: dhidden, dy: dy, hidden: hidden, x: x, w1: w1, w2: w2,
        accumulate: accumulate)
    }
  }
}
