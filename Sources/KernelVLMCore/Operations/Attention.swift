import CVLMKernels
import ReferenceKernels

extension Kernels {
  /// score_ij = ∏_r (q_r,i · k_r,j) / d^(R/2) per head;  y_i = Σ_j softmax(score_i)_j v_j.
  ///
  /// y, q (n, D); probs (H n, T); partialScores (R H n, T), or no rows if R = 1; R divides a head's width d.
  @inlinable
  public func attentionForward(
    _ y: Matrix<Scalar>, probs: Matrix<Scalar>, partialScores: Matrix<Scalar>, q: Matrix<Scalar>,
    keys: KeyValues<Scalar>, heads H: Int, degree R: Int
  ) {
    let n = q.rows
    keys.require(queries: n, heads: H, degree: R)
    y.require(n, keys.width)
    q.require(n, keys.width)
    probs.require(H * n, keys.count)
    partialScores.require(R > 1 ? R * H * n : 0, keys.count)
    run(#function) { c in
      c.table.pointee.attention_forward(
        y.floats, probs.floats, partialScores.floats, q.floats, keys.vision.floats, keys.text.floats, n,
        keys.vision.rows, keys.text.rows, keys.width, H, R)
    } swift: { swift in
      swift.attentionForward(y, probs: probs, partialScores: partialScores, q: q, keys: keys, heads: H, degree: R)
    }
  }

  /// The gradients of queries, keys and values.
  ///
  /// dq (n, D) is overwritten; `accumulate` adds into dkeys, whose shape is that of keys.
  @inlinable
  public func attentionBackward(
    dq: Matrix<Scalar>, dkeys: KeyValues<Scalar>, dy: Matrix<Scalar>, probs: Matrix<Scalar>,
    partialScores: Matrix<Scalar>, q: Matrix<Scalar>, keys: KeyValues<Scalar>, heads H: Int, degree R: Int,
    accumulate: Bool
  ) {
    let n = q.rows
    keys.require(queries: n, heads: H, degree: R)
    dkeys.vision.require(keys.vision.rows, 2 * keys.width)
    dkeys.text.require(keys.text.rows, 2 * keys.width)
    dq.require(n, keys.width)
    dy.require(n, keys.width)
    q.require(n, keys.width)
    probs.require(H * n, keys.count)
    partialScores.require(R > 1 ? R * H * n : 0, keys.count)
    run(#function) { c in
      c.table.pointee.attention_backward(
        dq.floats, dkeys.vision.floats, dkeys.text.floats, dy.floats, probs.floats, partialScores.floats, q.floats,
        keys.vision.floats, keys.text.floats, n, keys.vision.rows, keys.text.rows, keys.width, H, R, accumulate.flag)
    } swift: { swift in
      swift.attentionBackward(
        dq: dq, dkeys: dkeys, dy: dy, probs: probs, partialScores: partialScores, q: q, keys: keys, heads: H,
        degree: R, accumulate: accumulate)
    }
  }
}

extension KeyValues {
  @inlinable
  @inline(__always)
  func require(queries: Int, heads: Int, degree: Int) {
    vision.require(vision.rows, 2 * width)
    text.require(text.rows, 2 * width)
    precondition(queries <= text.rows, "\(queries) queries at \(text.rows) positions")
    precondition(
      heads > 0 && (1...16).contains(degree) && width % (heads * degree) == 0,
      "width \(width) in \(heads) heads of \(degree) parts")
  }
}
