import CVLMKernels
import ReferenceKernels

extension Kernels {
  /// Σ x², in Double.
  @inlinable
  public func squaredNorm(_ x: Matrix<Scalar>) -> Double {
    x.require(x.rows, x.columns)
    return run(#function) { c in
      c.table.pointee.squared_norm(x.floats, x.rows * x.columns)
    } swift: { swift in
      swift.squaredNorm(x)
    }
  }

  /// y += x.
  @inlinable
  public func add(_ y: Matrix<Scalar>, _ x: Matrix<Scalar>) {
    y.require(x.rows, x.columns)
    x.require(x.rows, x.columns)
    run(#function) { c in
      c.table.pointee.add(y.floats, x.floats, x.rows * x.columns)
    } swift: { swift in
      swift.add(y, x)
    }
  }
}
