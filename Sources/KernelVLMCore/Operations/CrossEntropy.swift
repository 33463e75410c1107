import CVLMKernels
import ReferenceKernels

extension Kernels {
  /// probs = softmax(logits), loss = −log probs[target].
  @inlinable
  public func crossEntropyForward(
    _ loss: Matrix<Scalar>, probs: Matrix<Scalar>, logits: Matrix<Scalar>, targets: Matrix<Int32>,
    gradient: GradientKind
  ) {
    let (n, V) = (logits.rows, logits.columns)
    loss.require(n, 1)
    probs.require(n, V)
    logits.require(n, V)
    targets.requireIndices(n, below: V)
    run(#function) { c in
      c.table.pointee.cross_entropy_forward(
        loss.floats, probs.floats, logits.floats, targets.pointer, n, V, gradient.flag)
    } swift: { swift in
      swift.crossEntropyForward(loss, probs: probs, logits: logits, targets: targets, gradient: gradient)
    }
  }

  /// dlogits = weight (probs − onehot(target)).
  @inlinable
  public func crossEntropyBackward(
    _ dlogits: Matrix<Scalar>, probs: Matrix<Scalar>, targets: Matrix<Int32>, weights: Matrix<Scalar>
  ) {
    let (n, V) = (probs.rows, probs.columns)
    dlogits.require(n, V)
    probs.require(n, V)
    targets.requireIndices(n, below: V)
    weights.require(n, 1)
    run(#function) { c in
      c.table.pointee.cross_entropy_backward(dlogits.floats, probs.floats, targets.pointer, weights.floats, n, V)
    } swift: { swift in
      swift.crossEntropyBackward(dlogits, probs: probs, targets: targets, weights: weights)
    }
  }
}
