import ReferenceKernels

// Attention of a layer. In a model of one layer: of all images at once, over vision keys that are never made, and text
// keys that a run of images shares. In a model of several: image by image, F vision keys, which all queries see, then S
// causal text keys.
extension Transformer {
  /// What attention keeps of its scores.
  enum Scores {
    case ofRuns(RunScores)
    /// The text queries', and the vision queries' if they have any.
    case ofImages(text: ImageScores, vision: ImageScores?)

    /// Of an image alone: the probabilities with which the text query `t` of n attends, in head h of H, to the first of
    /// `keys` keys, all that any query sees.
    func attention(query t: Int, of n: Int, head h: Int, of H: Int, keys: Int) -> [Scalar] {
      switch self {
      case .ofRuns(let scores):
        let run = TextRun.all(scores.runs)[0]
        return (0..<keys).map {
          scores.sizes.probability(scores.probs, run: run, image: 0, query: t, head: h, key: $0)
        }
      case .ofImages(let text, _):
        let probs = text.probs(0..<n, keys: keys, heads: H)
        return (0..<keys).map { probs[h * n + t, $0] }
      }
    }
  }

  func attentionForward(_ a: Activations.Layer, _ microbatch: Microbatch<Scalar>, _ arena: inout Arena<Scalar>) {
    switch a.scores {
    case .ofRuns(let scores):
      runAttentionForward(a.attended, scores, q: a.q, text: a.kv, &arena)
    case .ofImages(let text, let vision):
      for image in 0..<microbatch.images {
        if let vision { imageAttentionForward(a, vision, visionRows(image), visionKeys(a.kv, image)) }
        imageAttentionForward(a, text, textRows(a, image, microbatch), keys(a.kv, image, microbatch))
      }
    }
  }

  /// Writes dq and dkv; gives the gradient of the vision factors where there are any.
  func attentionBackward(
    dq: Matrix<Scalar>, dkv: Matrix<Scalar>, dattended: Matrix<Scalar>, _ a: Activations.Layer,
    _ microbatch: Microbatch<Scalar>, _ arena: inout Arena<Scalar>
  ) -> VisionGradient? {
    switch a.scores {
    case .ofRuns(let scores):
      return runAttentionBackward(dq: dq, dtext: dkv, dattended: dattended, a, scores, &arena)
    case .ofImages(let text, let vision):
      for image in 0..<microbatch.images {
        // The text queries see every key of their image, so they write the gradient of the keys and the vision queries add.
        imageAttentionBackward(
          dq: dq, dkeys: keys(dkv, image, microbatch), dattended: dattended, a, text, textRows(a, image, microbatch),
          keys(a.kv, image, microbatch), accumulate: false)
        if let vision {
          imageAttentionBackward(
            dq: dq, dkeys: visionKeys(dkv, image), dattended: dattended, a, vision, visionRows(image),
            visionKeys(a.kv, image), accumulate: true)
        }
      }
      return nil
    }
  }
}

// All images of some runs at once.
extension Transformer {
  /// What the vision keys are made of, who sees them, and what `visionAttentionForward` keeps.
  struct RunScores {
    let vision: VisionFactors<Scalar>
    let runs: Matrix<Int32>
    let sizes: VisionAttentionSizes
    let probs: Matrix<Scalar>
    let dots: Matrix<Scalar>
  }

  /// The factors of forward, their gradient, and what the published gradient takes for two of them.
  struct VisionGradient {
    let vision: VisionFactors<Scalar>
    let factors: VisionFactors<Scalar>
    let published: (images: Matrix<Scalar>, positions: Matrix<Scalar>)?
  }

  /// What the vision keys of some images are made of, from b (B, D).
  func visionFactorsForward(_ base: Matrix<Scalar>, _ arena: inout Arena<Scalar>) -> VisionFactors<Scalar> {
    let factors = roomForFactors(images: base.rows, &arena)
    kernels.visionProjectionForward(
      factors, base: base, wpe: parameters.wpe.rows(0..<configuration.features), wkv: parameters.layers[0].wkv)
    return factors
  }

  /// Adds the vision positions' part to the gradients of Wkv and wpe, and writes dbase.
  func visionFactorsBackward(
    _ gradient: Parameters<Scalar>, _ dvision: VisionGradient, dbase: Matrix<Scalar>, base: Matrix<Scalar>,
    _ arena: inout Arena<Scalar>
  ) {
    let positions = 0..<configuration.features
    kernels.visionProjectionBackward(
      dwkv: gradient.layers[0].wkv, dbase: dbase, dwpe: gradient.wpe.rows(positions),
      pull: arena.matrix(base.rows, positions.count), dfactors: dvision.factors, published: dvision.published,
      scale: dvision.vision.scale, base: base, wpe: parameters.wpe.rows(positions), wkv: parameters.layers[0].wkv)
  }

  func runScores(
    _ vision: VisionFactors<Scalar>, _ runs: Matrix<Int32>, _ arena: inout Arena<Scalar>
  ) -> RunScores {
    let c = configuration
    let sizes = VisionAttentionSizes(
      runs, features: c.features, width: c.width, heads: c.heads, degree: c.attention.degree)
    return RunScores(
      vision: vision, runs: runs, sizes: sizes, probs: arena.matrix(sizes.probRows, sizes.lanes),
      dots: arena.matrix(sizes.dotRows, sizes.lanes))
  }

  func runAttentionForward(
    _ attended: Matrix<Scalar>, _ scores: RunScores, q: Matrix<Scalar>, text: Matrix<Scalar>,
    _ arena: inout Arena<Scalar>
  ) {
    kernels.visionAttentionForward(
      attended, probs: scores.probs, dots: scores.dots,
      scratch: arena.matrix(1, scores.sizes.scratch()), vision: scores.vision, q: q,
      text: text, runs: scores.runs, heads: configuration.heads, degree: configuration.attention.degree)
  }

  private func runAttentionBackward(
    dq: Matrix<Scalar>, dtext: Matrix<Scalar>, dattended: Matrix<Scalar>, _ a: Activations.Layer,
    _ scores: RunScores, _ arena: inout Arena<Scalar>
  ) -> VisionGradient {
    let (sizes, vision) = (scores.sizes, scores.vision)
    let (images, positions) = (vision.images, vision.positions)
    let factors = roomForFactors(images: images.rows, &arena)
    let published =
      configuration.gradient == .published
      ? (images: arena.matrix(images.rows, images.columns), positions: arena.matrix(positions.rows, positions.columns))
      : nil
    kernels.visionAttentionBackward(
      dq: dq, dtext: dtext, dvision: factors, published: published,
      scratch: arena.matrix(1, sizes.scratch(sums: published == nil ? 1 : 2)), dy: dattended,
      y: a.attended, probs: scores.probs, dots: scores.dots, vision: vision, q: a.q, text: a.kv, runs: scores.runs,
      heads: configuration.heads, degree: configuration.attention.degree)
    return VisionGradient(vision: vision, factors: factors, published: published)
  }

  private func roomForFactors(images B: Int, _ arena: inout Arena<Scalar>) -> VisionFactors<Scalar> {
    let (F, D) = (configuration.features, configuration.width)
    return VisionFactors(
      images: arena.matrix(B, 2 * D), positions: arena.matrix(F, 2 * D), scale: arena.matrix(B, F))
  }
}

// Image by image.
extension Transformer {
  /// For each image (H queries, T) probabilities and, of R > 1, (R H queries, T) partial scores, one image behind the
  /// other.
  struct ImageScores {
    let probs: Matrix<Scalar>
    let partial: Matrix<Scalar>

    /// The probabilities, (H n, T), of the image whose n queries are `queries` and see T keys.
    func probs(_ queries: Range<Int>, keys T: Int, heads H: Int) -> Matrix<Scalar> {
      probs.rows(H * queries.lowerBound..<H * queries.upperBound).reshaped(rows: H * queries.count, columns: T)
    }

    /// Its partial scores, (R H n, T).
    func partial(_ queries: Range<Int>, keys T: Int, heads H: Int, degree R: Int) -> Matrix<Scalar> {
      let parts = R > 1 ? R * H : 0
      return partial.rows(parts * queries.lowerBound..<parts * queries.upperBound)
        .reshaped(rows: parts * queries.count, columns: T)
    }
  }

  /// Some queries of an image: rows among the layer's scores, and among its queries and outputs.
  struct QueryRows {
    let scores: Range<Int>
    let queries: Range<Int>
  }

  /// Room for scores of `textQueries`, each of all keys, and of `visionQueries`, each of vision keys.
  func imageScores(textQueries: Int, visionQueries: Int, _ arena: inout Arena<Scalar>) -> Scores {
    let c = configuration
    let parts = c.attention.degree > 1 ? c.attention.degree : 0
    func room(_ queries: Int, keys: Int, _ arena: inout Arena<Scalar>) -> ImageScores {
      ImageScores(
        probs: arena.matrix(c.heads * queries, keys), partial: arena.matrix(parts * c.heads * queries, keys))
    }
    return .ofImages(
      text: room(textQueries, keys: c.positions, &arena),
      vision: visionQueries > 0 ? room(visionQueries, keys: c.features, &arena) : nil)
  }

  func imageAttentionForward(
    _ a: Activations.Layer, _ scores: ImageScores, _ rows: QueryRows, _ keys: KeyValues<Scalar>
  ) {
    let (H, R) = (configuration.heads, configuration.attention.degree)
    kernels.attentionForward(
      a.attended.rows(rows.queries), probs: scores.probs(rows.scores, keys: keys.count, heads: H),
      partialScores: scores.partial(rows.scores, keys: keys.count, heads: H, degree: R), q: a.q.rows(rows.queries),
      keys: keys, heads: H, degree: R)
  }

  private func imageAttentionBackward(
    dq: Matrix<Scalar>, dkeys: KeyValues<Scalar>, dattended: Matrix<Scalar>, _ a: Activations.Layer,
    _ scores: ImageScores, _ rows: QueryRows, _ keys: KeyValues<Scalar>, accumulate: Bool
  ) {
    let (H, R) = (configuration.heads, configuration.attention.degree)
    kernels.attentionBackward(
      dq: dq.rows(rows.queries), dkeys: dkeys, dy: dattended.rows(rows.queries),
      probs: scores.probs(rows.scores, keys: keys.count, heads: H),
      partialScores: scores.partial(rows.scores, keys: keys.count, heads: H, degree: R), q: a.q.rows(rows.queries),
      keys: keys, heads: H, degree: R, accumulate: accumulate)
  }

  private func visionRows(_ image: Int) -> QueryRows {
    let rows = image * configuration.features..<(image + 1) * configuration.features
    return QueryRows(scores: rows, queries: rows)
  }

  /// The text queries come last among a layer's queries.
  private func textRows(_ a: Activations.Layer, _ image: Int, _ microbatch: Microbatch<Scalar>) -> QueryRows {
    let text = microbatch.text(image)
    let first = a.q.rows - microbatch.textRows
    return QueryRows(scores: text, queries: first + text.lowerBound..<first + text.upperBound)
  }

  /// An image's keys: those of its vision positions and of its text.
  private func keys(_ kv: Matrix<Scalar>, _ image: Int, _ microbatch: Microbatch<Scalar>) -> KeyValues<Scalar> {
    let text = microbatch.text(image)
    let vision = microbatch.images * configuration.features
    return KeyValues(
      vision: kv.rows(visionRows(image).queries),
      text: kv.rows(vision + text.lowerBound..<vision + text.upperBound))
  }

  /// The vision positions as text of their own: causal, with nothing before them.
  private func visionKeys(_ kv: Matrix<Scalar>, _ image: Int) -> KeyValues<Scalar> {
    KeyValues(vision: kv.rows(0..<0), text: kv.rows(visionRows(image).queries))
  }
}
