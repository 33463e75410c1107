import CVLMKernels
import ReferenceKernels

extension Kernels {
  /// value = clip(uᵀ G u − 2 u·u + x·x, 0, 10), with u = unit(g) and G = (L^ L^ᵀ) ⊙ (R^ R^ᵀ).
  @inlinable
  public func reconstructionForward(
    _ value: Matrix<Scalar>, state s: ReconstructionState<Scalar>, g: Matrix<Scalar>, x: Matrix<Scalar>,
    c weights: Matrix<Scalar>
  ) {
    let (n, P, m) = (x.rows, x.columns, g.columns)
    value.require(n, 1)
    s.require(n, m)
    g.require(n, m, strided: true)
    x.require(n, P)
    weights.require(2 * m, P)
    run(#function) { c in
      c.table.pointee.reconstruction_forward(
        value.floats, s.unit.floats, s.norm.floats, s.rowNorms.floats, s.grams.floats, g.floats, g.stride, x.floats,
        weights.floats, n, P, m)
    } swift: { swift in
      swift.reconstructionForward(value, state: s, g: g, x: x, c: weights)
    }
  }

  /// The gradients of g and of the weights, where the value is not clipped.
  @inlinable
  public func reconstructionBackward(
    dg: Matrix<Scalar>, dc: Matrix<Scalar>, weights: Matrix<Scalar>, value: Matrix<Scalar>,
    state s: ReconstructionState<Scalar>, c factors: Matrix<Scalar>
  ) {
    let (n, P, m) = (dg.rows, dc.columns, dg.columns)
    dg.require(n, m, strided: true)
    for rows in [dc, factors, s.rows, s.drows] { rows.require(2 * m, P) }
    weights.require(n, 1)
    value.require(n, 1)
    s.require(n, m)
    s.dgrams.require(2 * m, m)
    run(#function) { c in
      c.table.pointee.reconstruction_backward(
        dg.floats, dg.stride, dc.floats, s.rows.floats, s.drows.floats, s.dgrams.floats, weights.floats, value.floats,
        s.unit.floats, s.norm.floats, s.rowNorms.floats, s.grams.floats, factors.floats, n, P, m)
    } swift: { swift in
      swift.reconstructionBackward(dg: dg, dc: dc, weights: weights, value: value, state: s, c: factors)
    }
  }
}

extension ReconstructionState {
  @inlinable
  @inline(__always)
  func require(_ n: Int, _ m: Int) {
    unit.require(n, m)
    norm.require(n, 1)
    rowNorms.require(2 * m, 1)
    grams.require(2 * m, m)
  }
}
