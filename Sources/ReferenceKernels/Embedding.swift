extension Reference {
  /// e[i F + p] = base_i + wpe_p for the F vision positions of each image i, and below these rows
  /// e[B F + j] = wte[token_j] + wpe[position_j] for the text positions of all images.
  ///
  /// e (B F + n, D); base (B, D); tokens, positions (n, 1); wte (V, D); wpe (W, D).
  @inlinable
  public func embeddingForward(
    _ e: Matrix<Scalar>, base: Matrix<Scalar>, tokens: Matrix<Int32>, positions: Matrix<Int32>, wte: Matrix<Scalar>,
    wpe: Matrix<Scalar>, visionPositions F: Int
  ) {
    for i in 0..<base.rows {
      for p in 0..<F {
        for c in 0..<e.columns { e[i * F + p, c] = base[i, c] + wpe[p, c] }
      }
    }
    for j in 0..<tokens.rows {
      let token = Int(tokens[j, 0])
      let position = Int(positions[j, 0])
      for c in 0..<e.columns { e[base.rows * F + j, c] = wte[token, c] + wpe[position, c] }
    }
  }

  /// Each embedding's gradient is the sum over the rows where it was used.
  ///
  /// dbase (B, D); dwte (V, D), dwpe (W, D): zero where unused; `accumulate` adds into dwte and dwpe.
  @inlinable
  public func embeddingBackward(
    dwte: Matrix<Scalar>, dwpe: Matrix<Scalar>, dbase: Matrix<Scalar>, de: Matrix<Scalar>, tokens: Matrix<Int32>,
    positions: Matrix<Int32>, visionPositions F: Int, accumulate: Bool
  ) {
    if !accumulate {
      dwte.fill(0)
      dwpe.fill(0)
    }
    dbase.fill(0)
    for i in 0..<dbase.rows {
      for p in 0..<F {
        for c in 0..<de.columns {
          dbase[i, c] += de[i * F + p, c]
          dwpe[p, c] += de[i * F + p, c]
        }
      }
    }
    for j in 0..<tokens.rows {
      let token = Int(tokens[j, 0])
      let position = Int(positions[j, 0])
      for c in 0..<de.columns {
        dwte[token, c] += de[dbase.rows * F + j, c]
        dwpe[position, c] += de[dbase.rows * F + j, c]
      }
    }
  }
}
