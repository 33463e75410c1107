import CVLMKernels
import ReferenceKernels

extension Kernels {
  /// kv_ip = scale_ip (Wkv base_i + Wkv wpe_p).
  @inlinable
  public func visionKeysForward(
    _ kv: Matrix<Scalar>, scale: Matrix<Scalar>, rms: Matrix<Scalar>, projected: Matrix<Scalar>, base: Matrix<Scalar>,
    wpe: Matrix<Scalar>, wkv: Matrix<Scalar>
  ) {
    let (B, F, D) = (base.rows, wpe.rows, base.columns)
    kv.require(B * F, 2 * D)
    scale.require(B * F, 1)
    rms.require(B * F, 1)
    projected.require(B + F, 2 * D)
    base.require(B, D)
    wpe.require(F, D)
    wkv.require(2 * D, D)
    run(#function) { c in
      c.table.pointee.vision_keys_forward(
        kv.floats, scale.floats, rms.floats, projected.floats, base.floats, wpe.floats, wkv.floats, B, F, D)
    } swift: { swift in
      swift.visionKeysForward(
        kv, scale: scale, rms: rms, projected: projected, base: base, wpe: wpe, wkv: wkv)
    }
  }

  /// The gradients of Wkv, base and wpe from that of the keys and values.
  @inlinable
  public func visionKeysBackward(
    dwkv: Matrix<Scalar>, dbase: Matrix<Scalar>, dwpe: Matrix<Scalar>, sums: Matrix<Scalar>, dkv: Matrix<Scalar>,
    kv: Matrix<Scalar>, scale: Matrix<Scalar>, rms: Matrix<Scalar>, base: Matrix<Scalar>, wpe: Matrix<Scalar>,
    wkv: Matrix<Scalar>, gradient: GradientKind
  ) {
    let (B, F, D) = (base.rows, wpe.rows, base.columns)
    dkv.require(B * F, 2 * D)
    kv.require(B * F, 2 * D)
    scale.require(B * F, 1)
    rms.require(B * F, 1)
    dwkv.require(2 * D, D)
    wkv.require(2 * D, D)
    dwpe.require(F, D)
    wpe.require(F, D)
    dbase.require(B, D)
    base.require(B, D)
    sums.require(B + F, 2 * D)
    run(#function) { c in
      c.table.pointee.vision_keys_backward(
        dwkv.floats, dbase.floats, dwpe.floats, sums.floats, dkv.floats, kv.floats, scale.floats, rms.floats,
        base.floats,
        wpe.floats, wkv.floats, B, F, D, gradient.flag)
    } swift: { swift in
      swift.visionKeysBackward(
        dwkv: dwkv, dbase: dbase, dwpe: dwpe, sums: sums, dkv: dkv, kv: kv, scale: scale, rms: rms, base: base,
        wpe: wpe,
        wkv: wkv, gradient: gradient)
    }
  }
}
