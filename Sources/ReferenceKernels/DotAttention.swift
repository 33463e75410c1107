extension Reference {
  /// Standard attention: score_ij = (q_i · k_j) / √d per head of width d; the rest as in tensor attention.
  ///
  /// y, q (n, D); keys: see `KeyValues`. Keeps probs (H n, T), 0 where masked.
  @inlinable
  public func dotAttentionForward(
    _ y: Matrix<Scalar>, probs: Matrix<Scalar>, q: Matrix<Scalar>, keys: KeyValues<Scalar>, heads H: Int
  ) {
    let n = q.rows
    let d = keys.width / H
    for h in 0..<H {
      for i in 0..<n {
        for j in 0..<keys.visible(toQuery: i, of: n) {
          var dot: Scalar = 0
          for c in h * d..<(h + 1) * d { dot += q[i, c] * keys[j, c] }
          probs[h * n + i, j] = dot / Scalar(d).squareRoot()
        }
        softmax(probs.rows(h * n + i..<h * n + i + 1), visible: keys.visible(toQuery: i, of: n))
      }
      weightedValues(y, probs: probs.rows(h * n..<(h + 1) * n), keys: keys, head: h * d..<(h + 1) * d)
    }
  }

  /// dq_i = Σ_j dscore_ij k_j / √d,  dk_j = Σ_i dscore_ij q_i / √d.
  ///
  /// dq (n, D) is overwritten; `accumulate` adds into dkeys, whose shape is that of keys.
  @inlinable
  public func dotAttentionBackward(
    dq: Matrix<Scalar>, dkeys: KeyValues<Scalar>, dy: Matrix<Scalar>, probs: Matrix<Scalar>, q: Matrix<Scalar>,
    keys: KeyValues<Scalar>, heads H: Int, accumulate: Bool
  ) {
    let n = q.rows
    let d = keys.width / H
    if !accumulate { dkeys.fill(0) }
    dq.fill(0)
    for h in 0..<H {
      let head = h * d..<(h + 1) * d
      softmaxBackward(dkeys: dkeys, dy: dy, probs: probs.rows(h * n..<(h + 1) * n), keys: keys, head: head) {
        i, j, dscore in
        let ddot = dscore / Scalar(d).squareRoot()
        for c in head {
          dq[i, c] += ddot * keys[j, c]
          dkeys[j, c] += ddot * q[i, c]
        }
      }
    }
  }
}
