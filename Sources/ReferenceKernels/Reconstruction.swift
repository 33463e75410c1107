/// What the reconstruction error keeps for its gradient, for n images, m bilinear features and P pixels.
public struct ReconstructionState<Scalar: KernelScalar> {
  /// u = unit(g): (n, m).
  public let unit: Matrix<Scalar>
  /// |g|: (n, 1).
  public let norm: Matrix<Scalar>
  /// The norms of the rows of C: (2 m, 1).
  public let rowNorms: Matrix<Scalar>
  /// L^ L^ᵀ and below it R^ R^ᵀ: (2 m, m).
  public let grams: Matrix<Scalar>
  /// Scratch: the unit rows L^ and below them R^, (2 m, P).
  public let rows: Matrix<Scalar>
  /// Scratch: the gradient of `rows`, (2 m, P).
  public let drows: Matrix<Scalar>
  /// Scratch: the gradient of `grams`, (2 m, m).
  public let dgrams: Matrix<Scalar>

  /// Room for it, of the shapes documented beside each.
  @inlinable
  public init(
    unit: Matrix<Scalar>, norm: Matrix<Scalar>, rowNorms: Matrix<Scalar>, grams: Matrix<Scalar>, rows: Matrix<Scalar>,
    drows: Matrix<Scalar>, dgrams: Matrix<Scalar>
  ) {
    self.unit = unit
    self.norm = norm
    self.rowNorms = rowNorms
    self.grams = grams
    self.rows = rows
    self.drows = drows
    self.dgrams = dgrams
  }
}

extension ReconstructionState {
  /// Whether an error is not clipped, so that it has a gradient.
  @inlinable
  public static func hasGradient(_ value: Scalar) -> Bool { value > 0 && value < 10 }
}

extension Reference {
  /// The squared error of rebuilding the image's outer product from its bilinear features, without building it: the
  /// features g_a = (L_a · x)(R_a · x) are inner products of x xᵀ with L_a R_aᵀ, so all that is needed are inner products
  /// of these, which are products of dot products. With u = unit(g) and G = (L^ L^ᵀ) ⊙ (R^ R^ᵀ),
  ///
  ///     value = clip(uᵀ G u − 2 u·u + x·x, 0, 10)
  ///
  /// value (n, 1); g (n, m); x (n, P); c (2 m, P): L, and below it R.
  @inlinable
  public func reconstructionForward(
    _ value: Matrix<Scalar>, state s: ReconstructionState<Scalar>, g: Matrix<Scalar>, x: Matrix<Scalar>,
    c: Matrix<Scalar>
  ) {
    let m = g.columns
    unitNormForward(s.unit, norm: s.norm, x: g)
    unitNormForward(s.rows, norm: s.rowNorms, x: c)
    for half in [0..<m, m..<2 * m] {
      matmulForward(s.grams.rows(half), x: s.rows.rows(half), w: s.rows.rows(half), accumulate: false)
    }
    for i in 0..<g.rows {
      var error: Scalar = 0
      for p in 0..<x.columns { error += x[i, p] * x[i, p] }
      for a in 0..<m {
        error -= 2 * s.unit[i, a] * s.unit[i, a]
        for b in 0..<m { error += s.unit[i, a] * s.grams[a, b] * s.grams[m + a, b] * s.unit[i, b] }
      }
      value[i, 0] = min(max(error, 0), 10)
    }
  }

  /// G is symmetric, so with w_i = weight_i where the value is not clipped, and 0 where it is,
  ///
  ///     du_i = w_i (2 G u_i − 4 u_i)                 dG  = Σ_i w_i u_i u_iᵀ
  ///     dL^  = 2 (dG ⊙ R^ R^ᵀ) L^                    dR^ = 2 (dG ⊙ L^ L^ᵀ) R^
  ///
  /// and from u, L^, R^ back through the unit norm.  dg (n, m) and dc (2 m, P): adds into both; weights (n, 1); c (2 m, P).
  @inlinable
  public func reconstructionBackward(
    dg: Matrix<Scalar>, dc: Matrix<Scalar>, weights: Matrix<Scalar>, value: Matrix<Scalar>,
    state s: ReconstructionState<Scalar>, c: Matrix<Scalar>
  ) {
    let m = dg.columns
    s.dgrams.fill(0)
    for i in 0..<dg.rows where ReconstructionState.hasGradient(value[i, 0]) {
      let weight = weights[i, 0]
      let du = s.drows.reshaped(rows: 1, columns: m)
      for a in 0..<m {
        du[0, a] = -4 * weight * s.unit[i, a]
        for b in 0..<m {
          du[0, a] += 2 * weight * s.grams[a, b] * s.grams[m + a, b] * s.unit[i, b]
          let dG = weight * s.unit[i, a] * s.unit[i, b]
          s.dgrams[a, b] += 2 * dG * s.grams[m + a, b]
          s.dgrams[m + a, b] += 2 * dG * s.grams[a, b]
        }
      }
      let row = i..<i + 1
      unitNormBackward(du, dy: du, y: s.unit.rows(row), norm: s.norm.rows(row), gradient: .exact)
      add(dg.rows(row), du)
    }
    for a in 0..<2 * m {
      for p in 0..<c.columns { s.rows[a, p] = c[a, p] / (s.rowNorms[a, 0] + 1e-8) }
    }
    for half in [0..<m, m..<2 * m] {
      matmulBackwardInput(s.drows.rows(half), dy: s.dgrams.rows(half), w: s.rows.rows(half), accumulate: false)
    }
    unitNormBackward(s.drows, dy: s.drows, y: s.rows, norm: s.rowNorms, gradient: .exact)
    add(dc, s.drows)
  }
}
