import CVLMKernels
import ReferenceKernels

extension Kernels {
  /// Attention over vision keys in factors and the text's keys: see `VisionFactors` and `TextRun`.
  ///
  /// y (n, D) for the queries of all images; probs and dots: see `VisionAttentionSizes`.
  @inlinable
  public func visionAttentionForward(
    _ y: Matrix<Scalar>, probs: Matrix<Scalar>, dots: Matrix<Scalar>, scratch: Matrix<Scalar>,
    vision: VisionFactors<Scalar>, q: Matrix<Scalar>, text: Matrix<Scalar>, runs: Matrix<Int32>, heads H: Int,
    degree R: Int
  ) {
    let (F, D, W) = (vision.positions.rows, q.columns, probs.columns)
    let sizes = VisionAttentionSizes(runs, features: F, width: D, heads: H, degree: R)
    sizes.require(vision: vision, q: q, text: text, probs: probs, dots: dots)
    y.require(sizes.rows, D)
    scratch.require(1, sizes.scratch())
    run(#function) { c in
      c.table.pointee.vision_attention_forward(
        y.floats, probs.floats, dots.floats, scratch.floats, vision.images.floats, vision.positions.floats,
        vision.scale.floats, q.floats, text.floats, runs.pointer, runs.rows, F, D, H, R, W)
    } swift: { swift in
      swift.visionAttentionForward(
        y, probs: probs, dots: dots, scratch: scratch, vision: vision, q: q, text: text, runs: runs, heads: H,
        degree: R)
    }
  }

  /// The gradients of queries, text and factors; `published` gets what the published gradient takes for two of them.
  @inlinable
  public func visionAttentionBackward(
    dq: Matrix<Scalar>, dtext: Matrix<Scalar>, dvision: VisionFactors<Scalar>,
    published: (images: Matrix<Scalar>, positions: Matrix<Scalar>)?, scratch: Matrix<Scalar>, dy: Matrix<Scalar>,
    y: Matrix<Scalar>, probs: Matrix<Scalar>, dots: Matrix<Scalar>, vision: VisionFactors<Scalar>, q: Matrix<Scalar>,
    text: Matrix<Scalar>, runs: Matrix<Int32>, heads H: Int, degree R: Int
  ) {
    let (B, F, D, W) = (vision.images.rows, vision.positions.rows, q.columns, probs.columns)
    let sizes = VisionAttentionSizes(runs, features: F, width: D, heads: H, degree: R)
    sizes.require(vision: vision, q: q, text: text, probs: probs, dots: dots)
    dvision.require(images: B, positions: F, width: D)
    published?.images.require(B, 2 * D)
    published?.positions.require(F, 2 * D)
    dq.require(q.rows, D)
    dtext.require(text.rows, 2 * D)
    dy.require(sizes.rows, D)
    y.require(sizes.rows, D)
    scratch.require(1, sizes.scratch(sums: published == nil ? 1 : 2))
    run(#function) { c in
      c.table.pointee.vision_attention_backward(
        dq.floats, dtext.floats, dvision.images.floats, dvision.positions.floats, dvision.scale.floats,
        published?.images.floats, published?.positions.floats, scratch.floats, dy.floats, y.floats, probs.floats,
        dots.floats, vision.images.floats, vision.positions.floats, vision.scale.floats, q.floats, text.floats,
        runs.pointer, runs.rows, F, D, H, R, W, (published != nil).flag)
    } swift: { swift in
      swift.visionAttentionBackward(
        dq: dq, dtext: dtext, dvision: dvision, published: published, scratch: scratch, dy: dy, y: y, probs: probs,
        dots: dots, vision: vision, q: q, text: text, runs: runs, heads: H, degree: R)
    }
  }
}
