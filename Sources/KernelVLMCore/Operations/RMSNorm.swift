import CVLMKernels
import ReferenceKernels

extension Kernels {
  /// y = x / √(mean(x²) + 1e-5), row by row.
  @inlinable
  public func rmsNormForward(_ y: Matrix<Scalar>, rms: Matrix<Scalar>, x: Matrix<Scalar>) {
    let (n, k) = (x.rows, x.columns)
    y.require(n, k)
    rms.require(n, 1)
    x.require(n, k)
    run(#function) { c in
      c.table.pointee.rms_norm_forward(y.floats, rms.floats, x.floats, n, k)
    } swift: { swift in
      swift.rmsNormForward(y, rms: rms, x: x)
    }
  }

  /// dx = (dy − y mean(y ⊙ dy)) / rms.
  @inlinable
  public func rmsNormBackward(
    _ dx: Matrix<Scalar>, dy: Matrix<Scalar>, y: Matrix<Scalar>, rms: Matrix<Scalar>, gradient: GradientKind,
    accumulate: Bool
  ) {
    let (n, k) = (y.rows, y.columns)
    dx.require(n, k)
    dy.require(n, k)
    y.require(n, k)
    rms.require(n, 1)
    run(#function) { c in
      c.table.pointee.rms_norm_backward(
        dx.floats, dy.floats, y.floats, rms.floats, n, k, gradient.flag, accumulate.flag)
    } swift: { swift in
      swift.rmsNormBackward(dx, dy: dy, y: y, rms: rms, gradient: gradient, accumulate: accumulate)
    }
  }
}
