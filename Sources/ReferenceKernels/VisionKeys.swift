extension Reference {
  /// Keys and values of the vision positions in the first layer, without building the rows they come from.
  ///
  /// An image's vision positions share b, so before the norms their rows are e_ip = b_i + wpe_p, and both norms only scale:
  /// a_ip = rmsnorm(rmsnorm(e_ip)) = scale_ip e_ip. By linearity
  ///
  ///     kv_ip = Wkv a_ip = scale_ip (Wkv b_i + Wkv wpe_p)
  ///
  /// which takes B + F products with Wkv in the place of B F.
  ///
  /// kv (B F, 2 D); base (B, D); wpe (F, D); wkv (2 D, D). Keeps rms (B F, 1), of e, and scale (B F, 1).
  /// projected (B + F, 2 D) is scratch.
  @inlinable
  public func visionKeysForward(
    _ kv: Matrix<Scalar>, scale: Matrix<Scalar>, rms: Matrix<Scalar>, projected: Matrix<Scalar>, base: Matrix<Scalar>,
    wpe: Matrix<Scalar>, wkv: Matrix<Scalar>
  ) {
    let (B, F) = (base.rows, wpe.rows)
    matmulForward(projected.rows(0..<B), x: base, w: wkv, accumulate: false)
    matmulForward(projected.rows(B..<B + F), x: wpe, w: wkv, accumulate: false)
    for i in 0..<B {
      for p in 0..<F {
        let row = i * F + p
        var squares: Scalar = 0
        for c in 0..<base.columns { squares += (base[i, c] + wpe[p, c]) * (base[i, c] + wpe[p, c]) }
        let mean = squares / Scalar(base.columns)
        let first = (mean + 1e-5).squareRoot()
        let second = (mean / (first * first) + 1e-5).squareRoot()
        rms[row, 0] = first
        scale[row, 0] = 1 / (first * second)
        for c in 0..<kv.columns { kv[row, c] = scale[row, 0] * (projected[i, c] + projected[B + p, c]) }
      }
    }
  }

  /// With da_ip = Wkvᵀ dkv_ip, rmsnorm's gradient twice gives de_ip = scale_ip da_ip − radial_ip e_ip, where
  ///
  ///     along_ip  = a_ip · da_ip = kv_ip · dkv_ip
  ///     radial_ip = along_ip (scale_ip² + (1 − |a_ip|² / D) / rms_ip²) / D
  ///
  /// and |a|² = scale² |e|² = scale² D (rms² − 1e-5). So with the sums S_i = Σ_p scale_ip dkv_ip and S_p likewise over i,
  ///
  ///     dWkv += Σ_i S_i b_iᵀ + Σ_p S_p wpe_pᵀ
  ///     db_i  = Wkvᵀ S_i − Σ_p radial_ip e_ip        dwpe_p += Wkvᵀ S_p − Σ_i radial_ip e_ip
  ///
  /// The published gradient of the two norms is de_ip = da_ip / scale_ip.
  ///
  /// dwkv (2 D, D), dwpe (F, D): adds into both; dbase (B, D); dkv, kv (B F, 2 D). sums (B + F, 2 D) is scratch.
  @inlinable
  public func visionKeysBackward(
    dwkv: Matrix<Scalar>, dbase: Matrix<Scalar>, dwpe: Matrix<Scalar>, sums: Matrix<Scalar>, dkv: Matrix<Scalar>,
    kv: Matrix<Scalar>, scale: Matrix<Scalar>, rms: Matrix<Scalar>, base: Matrix<Scalar>, wpe: Matrix<Scalar>,
    wkv: Matrix<Scalar>, gradient: GradientKind
  ) {
    let (B, F, D) = (base.rows, wpe.rows, base.columns)
    func sum(weight: (Int) -> Scalar) {
      sums.fill(0)
      for i in 0..<B {
        for p in 0..<F {
          for c in 0..<dkv.columns {
            let weighted = weight(i * F + p) * dkv[i * F + p, c]
            sums[i, c] += weighted
            sums[B + p, c] += weighted
          }
        }
      }
    }
    sum { scale[$0, 0] }
    matmulBackwardWeight(dwkv, dy: sums.rows(0..<B), x: base, accumulate: true)
    matmulBackwardWeight(dwkv, dy: sums.rows(B..<B + F), x: wpe, accumulate: true)
    if gradient == .published { sum { 1 / scale[$0, 0] } }
    matmulBackwardInput(dbase, dy: sums.rows(0..<B), w: wkv, accumulate: false)
    matmulBackwardInput(dwpe, dy: sums.rows(B..<B + F), w: wkv, accumulate: true)
    if gradient == .published { return }
    for i in 0..<B {
      for p in 0..<F {
        let row = i * F + p
        let (s, r) = (scale[row, 0], rms[row, 0])
        var along: Scalar = 0
        for c in 0..<kv.columns { along += kv[row, c] * dkv[row, c] }
        let squares = s * s * (r * r - 1e-5)
        let radial = along * (s * s + (1 - squares) / (r * r)) / Scalar(D)
        for c in 0..<D {
          dbase[i, c] -= radial * (base[i, c] + wpe[p, c])
          dwpe[p, c] -= radial * (base[i, c] + wpe[p, c])
        }
      }
    }
  }
}
