import CVLMKernels
import ReferenceKernels

extension Kernels {
  /// images_i = Wkv base_i, positions_p = Wkv wpe_p, and scale_ip, of which kv_ip = scale_ip (images_i + positions_p).
  @inlinable
  public func visionProjectionForward(
    _ factors: VisionFactors<Scalar>, base: Matrix<Scalar>, wpe: Matrix<Scalar>, wkv: Matrix<Scalar>
  ) {
    let (B, F, D) = (base.rows, wpe.rows, base.columns)
    factors.require(images: B, positions: F, width: D)
    base.require(B, D)
    wpe.require(F, D)
    wkv.require(2 * D, D)
    run(#function) { c in
      c.table.pointee.vision_projection_forward(
        factors.images.floats, factors.positions.floats, factors.scale.floats, base.floats, wpe.floats, wkv.floats, B,
        F, D)
    } swift: { swift in
      swift.visionProjectionForward(
        images: factors.images, positions: factors.positions, scale: factors.scale, base: base, wpe: wpe, wkv: wkv)
    }
  }

  /// The gradients of Wkv, base and wpe from those of the factors; `published` if that gradient is wanted.
  @inlinable
  public func visionProjectionBackward(
    dwkv: Matrix<Scalar>, dbase: Matrix<Scalar>, dwpe: Matrix<Scalar>, pull: Matrix<Scalar>,
    dfactors: VisionFactors<Scalar>, published: (images: Matrix<Scalar>, positions: Matrix<Scalar>)?,
    scale: Matrix<Scalar>, base: Matrix<Scalar>, wpe: Matrix<Scalar>, wkv: Matrix<Scalar>
  ) {
    let (B, F, D) = (base.rows, wpe.rows, base.columns)
    dfactors.require(images: B, positions: F, width: D)
    published?.images.require(B, 2 * D)
    published?.positions.require(F, 2 * D)
    scale.require(B, F)
    pull.require(B, F)
    dwkv.require(2 * D, D)
    wkv.require(2 * D, D)
    dwpe.require(F, D)
    wpe.require(F, D)
    dbase.require(B, D)
    base.require(B, D)
    run(#function) { c in
      c.table.pointee.vision_projection_backward(
        dwkv.floats, dbase.floats, dwpe.floats, pull.floats, dfactors.images.floats, dfactors.positions.floats,
        published?.images.floats, published?.positions.floats, dfactors.scale.floats, scale.floats, base.floats,
        wpe.floats, wkv.floats, B, F, D, (published != nil).flag)
    } swift: { swift in
      swift.visionProjectionBackward(
        dwkv: dwkv, dbase: dbase, dwpe: dwpe, pull: pull, dimages: dfactors.images, dpositions: dfactors.positions,
        published: published, dscale: dfactors.scale, scale: scale, base: base, wpe: wpe, wkv: wkv)
    }
  }
}

extension VisionFactors {
  @inlinable
  @inline(__always)
  func require(images B: Int, positions F: Int, width D: Int) {
    images.require(B, 2 * D)
    positions.require(F, 2 * D)
    scale.require(B, F)
  }
}
