import ReferenceKernels

/// From an image to its F features and the vision embedding that they share, products of projections, normalised:
///
///     f1 = unit((L1 x) ⊙ (R1 x)),  f2 = unit((L2 x) ⊙ (R2 x))     base autoencoders, degree 2
///     t  = (A f1) ⊙ (B f2)                                         BAE × BAE tokens, degree 4
///     gR = (W_0 x) ⊙ … ⊙ (W_{R-1} x)                               direct features of degree R
///     f  = unit(concat(t, g2, g3, …))
///     b  = (Wl f) ⊙ (Wr f)                                         vision projection
struct VisionEncoder<K: Kernels> {
  typealias Scalar = K.Scalar

  /// What forward keeps for backward, for B images.
  struct Activations {
    /// One base autoencoder: L x and R x side by side (B, 2 M), their product (B, M), its norm and the unit features.
    struct BaseAutoencoder {
      let factors: Matrix<Scalar>
      let product: Matrix<Scalar>
      let norm: Matrix<Scalar>
      let unit: Matrix<Scalar>
    }

    var bae: [BaseAutoencoder] = []
    /// A f1 and B f2 side by side: (B, 2 N).
    let tensorFactors: Matrix<Scalar>
    /// For each kind of direct features W_0 x, W_1 x, … side by side: (B, R count).
    var directFactors: [Matrix<Scalar>] = []
    /// All features before the unit norm (B, F), their norm (B, 1), and f (B, F).
    let concatenated: Matrix<Scalar>
    let norm: Matrix<Scalar>
    let f: Matrix<Scalar>
    /// Wl f and Wr f side by side: (B, 2 D).
    let visionFactors: Matrix<Scalar>
    /// b: (B, D).
    let base: Matrix<Scalar>
    /// The reconstruction error of each image (B, 1), 0 without direct features of degree 2.
    let reconstruction: Matrix<Scalar>
    var reconstructionState: ReconstructionState<Scalar>?
  }

  let kernels: K
  let configuration: ModelConfiguration
  let parameters: Parameters<Scalar>

  /// Where each kind of direct features stands among all features.
  private func columns(ofDirect kind: Int) -> Range<Int> {
    let start = configuration.direct[..<kind].reduce(configuration.tensorTokens) { $0 + $1.count }
    return start..<start + configuration.direct[kind].count
  }

  func forward(_ x: Matrix<Scalar>, reconstruction wantsReconstruction: Bool, _ arena: inout Arena<Scalar>)
    -> Activations
  {
    let c = configuration
    let B = x.rows
    var a = Activations(
      tensorFactors: arena.matrix(B, 2 * c.tensorTokens), concatenated: arena.matrix(B, c.features),
      norm: arena.matrix(B, 1), f: arena.matrix(B, c.features), visionFactors: arena.matrix(B, 2 * c.width),
      base: arena.matrix(B, c.width), reconstruction: arena.matrix(B, 1))

    a.bae.reserveCapacity(parameters.bae.count)
    for weights in parameters.bae {
      let bae = Activations.BaseAutoencoder(
        factors: arena.matrix(B, 2 * c.baseFeatures), product: arena.matrix(B, c.baseFeatures),
        norm: arena.matrix(B, 1), unit: arena.matrix(B, c.baseFeatures))
      kernels.featureProductForward(bae.product, factors: bae.factors, x: x, w: weights)
      kernels.unitNormForward(bae.unit, norm: bae.norm, x: bae.product)
      a.bae.append(bae)
    }
    if c.tensorTokens > 0 {
      kernels.tensorProductForward(
        a.concatenated.columns(0..<c.tensorTokens), factors: a.tensorFactors, x1: a.bae[0].unit, x2: a.bae[1].unit,
        a: parameters.tensor[0], b: parameters.tensor[1])
    }
    a.directFactors.reserveCapacity(parameters.direct.count)
    for (kind, weights) in parameters.direct.enumerated() {
      let factors = arena.matrix(B, weights.rows)
      kernels.featureProductForward(
        a.concatenated.columns(columns(ofDirect: kind)), factors: factors, x: x, w: weights)
      a.directFactors.append(factors)
    }
    kernels.unitNormForward(a.f, norm: a.norm, x: a.concatenated)
    kernels.featureProductForward(a.base, factors: a.visionFactors, x: a.f, w: parameters.vision)

    if wantsReconstruction, let kind = c.direct.firstIndex(where: { $0.degree == 2 }) {
      let state = reconstructionState(images: B, features: c.direct[kind].count, &arena)
      kernels.reconstructionForward(
        a.reconstruction, state: state, g: a.concatenated.columns(columns(ofDirect: kind)), x: x,
        c: parameters.direct[kind])
      a.reconstructionState = state
    } else {
      a.reconstruction.fill(0)
    }
    return a
  }

  /// Writes the gradient of every parameter of the encoder, or keeps it as an outer product, or adds it with `accumulate`.
  /// - Parameters:
  ///   - dbase: gradient by b, (B, D).
  ///   - dx: overwritten with the gradient by x (B, P), if it is wanted: if a stage of the input learns.
  ///   - reconstructionWeight: what the reconstruction error of each image counts in the loss; 0 leaves its gradient out.
  func backward(
    _ gradient: Gradient<Scalar>, dbase: Matrix<Scalar>, dx: Matrix<Scalar>? = nil, x: Matrix<Scalar>,
    activations a: Activations, reconstructionWeight: Scalar, accumulate: Bool, _ arena: inout Arena<Scalar>
  ) {
    dx?.fill(0)
    let c = configuration
    let B = x.rows
    let df = arena.matrix(B, c.features)
    let dconcatenated = arena.matrix(B, c.features)
    kernels.featureProductBackward(
      dw: gradient.matrices.vision, dx: df, dfactors: arena.matrix(B, 2 * c.width), dy: dbase, factors: a.visionFactors,
      x: a.f,
      w: parameters.vision, accumulate: accumulate)
    kernels.unitNormBackward(dconcatenated, dy: df, y: a.f, norm: a.norm, gradient: c.gradient)

    for (kind, weights) in parameters.direct.enumerated() {
      let dg = dconcatenated.columns(columns(ofDirect: kind))
      let dweights = gradient.matrices.direct[kind]
      // Most errors are clipped once the training is under way.
      let hasReconstruction =
        c.direct[kind].degree == 2 && reconstructionWeight > 0
        && (0..<B).contains { ReconstructionState.hasGradient(a.reconstruction[$0, 0]) }
      if hasReconstruction, let state = a.reconstructionState {
        let lossWeights = arena.matrix(B, 1)
        lossWeights.fill(reconstructionWeight)
        if !accumulate { dweights.fill(0) }
        kernels.reconstructionBackward(
          dg: dg, dc: dweights, weights: lossWeights, value: a.reconstruction, state: state, c: weights)
        if let dx { squareBackward(dx, weight: reconstructionWeight, value: a.reconstruction, x: x) }
      }
      inputFeaturesBackward(
        gradient, dw: dweights, dx: dx, dy: dg, factors: a.directFactors[kind], x: x, w: weights,
        accumulate: accumulate || hasReconstruction, &arena)
    }
    guard c.tensorTokens > 0 else { return }
    let dunit = (arena.matrix(B, c.baseFeatures), arena.matrix(B, c.baseFeatures))
    kernels.tensorProductBackward(
      da: gradient.matrices.tensor[0], db: gradient.matrices.tensor[1], dx1: dunit.0, dx2: dunit.1,
      dfactors: arena.matrix(B, 2 * c.tensorTokens), dy: dconcatenated.columns(0..<c.tensorTokens),
      factors: a.tensorFactors, x1: a.bae[0].unit, x2: a.bae[1].unit, a: parameters.tensor[0], b: parameters.tensor[1],
      accumulate: accumulate)
    for (index, dproduct) in [dunit.0, dunit.1].enumerated() {
      let bae = a.bae[index]
      kernels.unitNormBackward(dproduct, dy: dproduct, y: bae.unit, norm: bae.norm, gradient: c.gradient)
      inputFeaturesBackward(
        gradient, dw: gradient.matrices.bae[index], dx: dx, dy: dproduct, factors: bae.factors, x: x,
        w: parameters.bae[index], accumulate: accumulate, &arena)
    }
  }

  /// Features of the input; adds into dx. For one image a weight's gradient has rank 1, dfactorsᵀ x: the two vectors suffice
  /// if nothing is added.
  private func inputFeaturesBackward(
    _ gradient: Gradient<Scalar>, dw: Matrix<Scalar>, dx: Matrix<Scalar>?, dy: Matrix<Scalar>,
    factors: Matrix<Scalar>, x: Matrix<Scalar>, w: Matrix<Scalar>, accumulate: Bool, _ arena: inout Arena<Scalar>
  ) {
    let keeps = gradient.keepsOuterProducts && x.rows == 1 && !accumulate
    let dfactors = arena.matrix(x.rows, w.rows)
    let part = dx.map { arena.matrix($0.rows, $0.columns) }
    kernels.featureProductBackward(
      dw: keeps ? nil : dw, dx: part, dfactors: dfactors, dy: dy, factors: factors, x: x, w: w, accumulate: accumulate)
    if let dx, let part { kernels.add(dx, part) }
    if keeps { gradient.keep(dw, d: dfactors, x: x) }
  }

  /// The reconstruction error has a term x·x: adds its gradient, 2 weight x where the error is not clipped.
  private func squareBackward(_ dx: Matrix<Scalar>, weight: Scalar, value: Matrix<Scalar>, x: Matrix<Scalar>) {
    for i in 0..<x.rows where ReconstructionState.hasGradient(value[i, 0]) {
      for p in 0..<x.columns { dx[i, p] += 2 * weight * x[i, p] }
    }
  }

  private func reconstructionState(
    images B: Int, features m: Int, _ arena: inout Arena<Scalar>
  ) -> ReconstructionState<Scalar> {
    let P = configuration.pixels
    return ReconstructionState(
      unit: arena.matrix(B, m), norm: arena.matrix(B, 1), rowNorms: arena.matrix(2 * m, 1),
      grams: arena.matrix(2 * m, m), rows: arena.matrix(2 * m, P), drows: arena.matrix(2 * m, P),
      dgrams: arena.matrix(2 * m, m))
  }
}
