import CVLMKernels
import ReferenceKernels

extension Kernels {
  /// y = x / (|x| + 1e-8), row by row.
  @inlinable
  public func unitNormForward(_ y: Matrix<Scalar>, norm: Matrix<Scalar>, x: Matrix<Scalar>) {
    let (n, k) = (x.rows, x.columns)
    y.require(n, k)
    norm.require(n, 1)
    x.require(n, k)
    run(#function) { c in
      c.table.pointee.unit_norm_forward(y.floats, norm.floats, x.floats, n, k)
    } swift: { swift in
      swift.unitNormForward(y, norm: norm, x: x)
    }
  }

  /// dx = dy / (|x| + 1e-8) − y (y·dy) / |x|.
  @inlinable
  public func unitNormBackward(
    _ dx: Matrix<Scalar>, dy: Matrix<Scalar>, y: Matrix<Scalar>, norm: Matrix<Scalar>, gradient: GradientKind
  ) {
    let (n, k) = (y.rows, y.columns)
    dx.require(n, k)
    dy.require(n, k)
    y.require(n, k)
    norm.require(n, 1)
    run(#function) { c in
      c.table.pointee.unit_norm_backward(dx.floats, dy.floats, y.floats, norm.floats, n, k, gradient.flag)
    } swift: { swift in
      swift.unitNormBackward(dx, dy: dy, y: y, norm: norm, gradient: gradient)
    }
  }
}
