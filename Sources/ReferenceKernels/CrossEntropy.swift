extension Reference {
  /// probs = softmax(logits), loss = −log probs[target] = log Σ exp(logits − max) − (logits[target] − max).
  ///
  /// The published loss is −log(probs[target] + 1e-10).  loss (n, 1); probs, logits (n, V); targets (n, 1) in 0 ..< V.
  @inlinable
  public func crossEntropyForward(
    _ loss: Matrix<Scalar>, probs: Matrix<Scalar>, logits: Matrix<Scalar>, targets: Matrix<Int32>,
    gradient: GradientKind
  ) {
    for i in 0..<logits.rows {
      var largest = logits[i, 0]
      for t in 1..<logits.columns { largest = max(largest, logits[i, t]) }
      var sum: Scalar = 0
      for t in 0..<logits.columns {
        probs[i, t] = Scalar.exp(logits[i, t] - largest)
        sum += probs[i, t]
      }
      for t in 0..<logits.columns { probs[i, t] /= sum }
      let target = Int(targets[i, 0])
      loss[i, 0] =
        gradient == .published
        ? -Scalar.log(probs[i, target] + 1e-10) : Scalar.log(sum) - (logits[i, target] - largest)
    }
  }

  /// dlogits = weight (probs − onehot(target)), with one weight for each row.
  ///
  /// dlogits, probs (n, V), may be the same; weights (n, 1).
  @inlinable
  public func crossEntropyBackward(
    _ dlogits: Matrix<Scalar>, probs: Matrix<Scalar>, targets: Matrix<Int32>, weights: Matrix<Scalar>
  ) {
    for i in 0..<probs.rows {
      for t in 0..<probs.columns {
        let onehot: Scalar = t == Int(targets[i, 0]) ? 1 : 0
        dlogits[i, t] = weights[i, 0] * (probs[i, t] - onehot)
      }
    }
  }
}
