import CVLMKernels
import ReferenceKernels

extension Kernels {
  /// y_i = x_index(i).
  @inlinable
  public func gatherForward(_ y: Matrix<Scalar>, x: Matrix<Scalar>, index: Matrix<Int32>) {
    let (n, k) = (y.rows, x.columns)
    y.require(n, k)
    x.require(x.rows, k)
    index.requireIndices(n, below: x.rows)
    run(#function) { c in
      c.table.pointee.gather_forward(y.floats, x.floats, index.pointer, n, k)
    } swift: { swift in
      swift.gatherForward(y, x: x, index: index)
    }
  }

  /// dx_j = Σ dy_i over the i with index(i) = j.
  @inlinable
  public func gatherBackward(_ dx: Matrix<Scalar>, dy: Matrix<Scalar>, index: Matrix<Int32>) {
    let (n, k) = (dy.rows, dx.columns)
    dx.require(dx.rows, k)
    dy.require(n, k)
    index.requireIndices(n, below: dx.rows)
    run(#function) { c in
      c.table.pointee.gather_backward(dx.floats, dy.floats, index.pointer, n, dx.rows, k)
    } swift: { swift in
      swift.gatherBackward(dx, dy: dy, index: index)
    }
  }
}
