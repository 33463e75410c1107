extension Reference {
  /// What keys and values of the vision positions in the first layer are made of, without building the rows they come from.
  ///
  /// An image's vision positions share b, so before the norms their rows are e_ip = b_i + wpe_p, and both norms only scale:
  /// a_ip = rmsnorm(rmsnorm(e_ip)) = scale_ip e_ip, where with m = |e|² / D and ε = 1e-5
  ///
  ///     1 / scale² = (m + ε) (m / (m + ε) + ε) = m (1 + ε) + ε²
  ///
  /// By linearity kv_ip = Wkv a_ip = scale_ip (images_i + positions_p) with images_i = Wkv b_i and positions_p = Wkv wpe_p.
  ///
  /// images (B, 2 D), positions (F, 2 D), scale (B, F); base (B, D); wpe (F, D); wkv (2 D, D).
  @inlinable
  public func visionProjectionForward(
    images: Matrix<Scalar>, positions: Matrix<Scalar>, scale: Matrix<Scalar>, base: Matrix<Scalar>,
    wpe: Matrix<Scalar>, wkv: Matrix<Scalar>
  ) {
    matmulForward(images, x: base, w: wkv, accumulate: false)
    matmulForward(positions, x: wpe, w: wkv, accumulate: false)
    for i in 0..<base.rows {
      for p in 0..<wpe.rows {
        var squares: Scalar = 0
        for c in 0..<base.columns { squares += (base[i, c] + wpe[p, c]) * (base[i, c] + wpe[p, c]) }
        scale[i, p] = 1 / (squares / Scalar(base.columns) * (1 + 1e-5) + 1e-10).squareRoot()
      }
    }
  }

  /// The scale's derivative is ∂scale/∂e = −scale³ (1 + ε) e / D. So with pull_ip = −dscale_ip scale_ip³ (1 + ε) / D
  ///
  ///     dWkv += Σ_i dimages_i b_iᵀ + Σ_p dpositions_p wpe_pᵀ
  ///     db_i  = Wkvᵀ dimages_i + Σ_p pull_ip e_ip        dwpe_p += Wkvᵀ dpositions_p + Σ_i pull_ip e_ip
  ///
  /// The published gradient of the two norms is de_ip = Wkvᵀ dkv_ip / scale_ip: `published` holds those sums of dkv / scale,
  /// by image and by position (see `visionAttentionBackward`).
  ///
  /// dwkv (2 D, D), dwpe (F, D): adds into both; pull (B, F) is scratch; the others have the shapes of forward.
  @inlinable
  public func visionProjectionBackward(
    dwkv: Matrix<Scalar>, dbase: Matrix<Scalar>, dwpe: Matrix<Scalar>, pull: Matrix<Scalar>, dimages: Matrix<Scalar>,
    dpositions: Matrix<Scalar>, published: (images: Matrix<Scalar>, positions: Matrix<Scalar>)?,
    dscale: Matrix<Scalar>, scale: Matrix<Scalar>, base: Matrix<Scalar>, wpe: Matrix<Scalar>, wkv: Matrix<Scalar>
  ) {
    matmulBackwardWeight(dwkv, dy: dimages, x: base, accumulate: true)
    matmulBackwardWeight(dwkv, dy: dpositions, x: wpe, accumulate: true)
    matmulBackwardInput(dbase, dy: published?.images ?? dimages, w: wkv, accumulate: false)
    matmulBackwardInput(dwpe, dy: published?.positions ?? dpositions, w: wkv, accumulate: true)
    if published != nil { return }
    for i in 0..<base.rows {
      for p in 0..<wpe.rows {
        let s = scale[i, p]
        pull[i, p] = -dscale[i, p] * s * s * s * (1 + 1e-5) / Scalar(base.columns)
        for c in 0..<base.columns {
          dbase[i, c] += pull[i, p] * base[i, c] + pull[i, p] * wpe[p, c]
          dwpe[p, c] += pull[i, p] * base[i, c] + pull[i, p] * wpe[p, c]
        }
      }
    }
  }
}
