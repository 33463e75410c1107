import CVLMKernels
import ReferenceKernels

extension Kernels {
  /// Y = X Wᵀ.
  @inlinable
  public func matmulForward(_ y: Matrix<Scalar>, x: Matrix<Scalar>, w: Matrix<Scalar>, accumulate: Bool) {
    let (n, k, m) = (x.rows, x.columns, w.rows)
    y.require(n, m)
    x.require(n, k)
    w.require(m, k)
    run(#function) { c in
      if c.threads == 1 {
        c.table.pointee.matmul_forward(y.floats, x.floats, w.floats, n, k, m, accumulate.flag)
      } else {
        vlm_matmul_forward(c.table, Int32(c.threads), y.floats, x.floats, w.floats, n, k, m, accumulate.flag)
      }
    } swift: { swift in
      swift.matmulForward(y, x: x, w: w, accumulate: accumulate)
    }
  }

  /// dX = dY W.
  @inlinable
  public func matmulBackwardInput(_ dx: Matrix<Scalar>, dy: Matrix<Scalar>, w: Matrix<Scalar>, accumulate: Bool) {
    let (n, k, m) = (dy.rows, w.columns, w.rows)
    dx.require(n, k)
    dy.require(n, m)
    w.require(m, k)
    run(#function) { c in
      if c.threads == 1 {
        c.table.pointee.matmul_backward_input(dx.floats, dy.floats, w.floats, n, k, m, accumulate.flag)
      } else {
        vlm_matmul_backward_input(c.table, Int32(c.threads), dx.floats, dy.floats, w.floats, n, k, m, accumulate.flag)
      }
    } swift: { swift in
      swift.matmulBackwardInput(dx, dy: dy, w: w, accumulate: accumulate)
    }
  }

  /// dW = dYᵀ X.
  @inlinable
  public func matmulBackwardWeight(_ dw: Matrix<Scalar>, dy: Matrix<Scalar>, x: Matrix<Scalar>, accumulate: Bool) {
    let (n, k, m) = (x.rows, x.columns, dw.rows)
    dw.require(m, k)
    dy.require(n, m)
    x.require(n, k)
    run(#function) { c in
      if c.threads == 1 {
        c.table.pointee.matmul_backward_weight(dw.floats, dy.floats, x.floats, n, k, m, accumulate.flag)
      } else {
        vlm_matmul_backward_weight(c.table, Int32(c.threads), dw.floats, dy.floats, x.floats, n, k, m, accumulate.flag)
      }
    } swift: { swift in
      swift.matmulBackwardWeight(dw, dy: dy, x: x, accumulate: accumulate)
    }
  }
}
