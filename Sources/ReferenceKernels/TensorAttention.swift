extension Reference {
  /// Attention whose score is a product of two dot products, a kernel of degree 4 in (q, k).
  ///
  /// Per head of width d, with q = [q1 q2] and k = [k1 k2] in halves:
  ///
  ///     score_ij = (q1_i · k1_j) (q2_i · k2_j) / d
  ///     probs_i  = softmax of score_ij over the keys j that query i sees
  ///     y_i      = Σ_j probs_ij v_j
  ///
  /// y, q (n, D); keys: see `KeyValues`. Keeps probs (H n, T), 0 where masked, and dots (2 H n, T): q1·k1 of all heads,
  /// then q2·k2.
  @inlinable
  public func tensorAttentionForward(
    _ y: Matrix<Scalar>, probs: Matrix<Scalar>, dots: Matrix<Scalar>, q: Matrix<Scalar>, keys: KeyValues<Scalar>,
    heads H: Int
  ) {
    let n = q.rows
    let d = keys.width / H
    for h in 0..<H {
      for i in 0..<n {
        for j in 0..<keys.visible(toQuery: i, of: n) {
          var first: Scalar = 0
          var second: Scalar = 0
          for c in 0..<d / 2 {
            first += q[i, h * d + c] * keys[j, h * d + c]
            second += q[i, h * d + d / 2 + c] * keys[j, h * d + d / 2 + c]
          }
          dots[h * n + i, j] = first
          dots[(H + h) * n + i, j] = second
          probs[h * n + i, j] = first * second / Scalar(d)
        }
        softmax(probs.rows(h * n + i..<h * n + i + 1), visible: keys.visible(toQuery: i, of: n))
      }
      weightedValues(y, probs: probs.rows(h * n..<(h + 1) * n), keys: keys, head: h * d..<(h + 1) * d)
    }
  }

  /// By the product rule, d(q1·k1)_ij = dscore_ij (q2·k2)_ij / d and d(q2·k2)_ij = dscore_ij (q1·k1)_ij / d; so
  ///
  ///     dq1_i = Σ_j d(q1·k1)_ij k1_j        dk1_j = Σ_i d(q1·k1)_ij q1_i        and likewise for the second halves.
  ///
  /// dq (n, D) is overwritten; `accumulate` adds into dkeys, whose shape is that of keys.
  @inlinable
  public func tensorAttentionBackward(
    dq: Matrix<Scalar>, dkeys: KeyValues<Scalar>, dy: Matrix<Scalar>, probs: Matrix<Scalar>, dots: Matrix<Scalar>,
    q: Matrix<Scalar>, keys: KeyValues<Scalar>, heads H: Int, accumulate: Bool
  ) {
    let n = q.rows
    let d = keys.width / H
    if !accumulate { dkeys.fill(0) }
    dq.fill(0)
    for h in 0..<H {
      let head = h * d..<(h + 1) * d
      softmaxBackward(dkeys: dkeys, dy: dy, probs: probs.rows(h * n..<(h + 1) * n), keys: keys, head: head) {
        i, j, dscore in
        let dfirst = dscore * dots[(H + h) * n + i, j] / Scalar(d)
        let dsecond = dscore * dots[h * n + i, j] / Scalar(d)
        for c in head {
          let ddot = c < head.lowerBound + d / 2 ? dfirst : dsecond
          dq[i, c] += ddot * keys[j, c]
          dkeys[j, c] += ddot * q[i, c]
        }
      }
    }
  }
}
