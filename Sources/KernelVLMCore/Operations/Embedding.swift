import CVLMKernels
import ReferenceKernels

extension Kernels {
  /// e = [base + wpe ; wte + wpe]: the vision positions of every image, then the text positions.
  @inlinable
  public func embeddingForward(
    _ e: Matrix<Scalar>, base: Matrix<Scalar>, tokens: Matrix<Int32>, positions: Matrix<Int32>, wte: Matrix<Scalar>,
    wpe: Matrix<Scalar>, visionPositions F: Int
  ) {
    let (B, n, D) = (base.rows, tokens.rows, base.columns)
    e.require(B * F + n, D)
    base.require(B, D)
    tokens.requireIndices(n, below: wte.rows)
    positions.requireIndices(n, below: wpe.rows)
    wte.require(wte.rows, D)
    wpe.require(max(wpe.rows, F), D)
    run(#function) { c in
      c.table.pointee.embedding_forward(
        e.floats, base.floats, tokens.pointer, positions.pointer, wte.floats, wpe.floats, B, F, n, D)
    } swift: { swift in
      swift.embeddingForward(
        e, base: base, tokens: tokens, positions: positions, wte: wte, wpe: wpe, visionPositions: F)
    }
  }

  /// Each embedding's gradient is the sum over the rows where it was used.
  @inlinable
  public func embeddingBackward(
    dwte: Matrix<Scalar>, dwpe: Matrix<Scalar>, dbase: Matrix<Scalar>, de: Matrix<Scalar>, tokens: Matrix<Int32>,
    positions: Matrix<Int32>, visionPositions F: Int, accumulate: Bool
  ) {
    let (B, n, D) = (dbase.rows, tokens.rows, dbase.columns)
    dwte.require(dwte.rows, D)
    dwpe.require(max(dwpe.rows, F), D)
    dbase.require(B, D)
    de.require(B * F + n, D)
    tokens.requireIndices(n, below: dwte.rows)
    positions.requireIndices(n, below: dwpe.rows)
    run(#function) { c in
      c.table.pointee.embedding_backward(
        dwte.floats, dwpe.floats, dbase.floats, de.floats, tokens.pointer, positions.pointer, B, F, n, D, dwte.rows,
        dwpe.rows, accumulate.flag)
    } swift: { swift in
      swift.embeddingBackward(
        dwte: dwte, dwpe: dwpe, dbase: dbase, de: de, tokens: tokens, positions: positions, visionPositions: F,
        accumulate: accumulate)
    }
  }
}
