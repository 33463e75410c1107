import ReferenceKernels

/// From vision embeddings and text tokens to logits: a GPT without biases and gains.
///
///     e = [b + wpe ; wte + wpe],  h = rmsnorm(e)
///     each layer:  a = rmsnorm(h),  h += Wo attention(Wq a, Wk a, Wv a)
///                  m = rmsnorm(h),  h += W2 relu(W1 m)
///     logits = lm_head h, at the text positions
///
/// Which rows each layer has is said by `TransformerPlan`.
struct Transformer<K: Kernels> {
  typealias Scalar = K.Scalar

  let kernels: K
  let configuration: ModelConfiguration
  let parameters: Parameters<Scalar>

  /// What forward keeps for backward; K, R, U as in the plan, and Q rows that have queries in the layer.
  struct Activations {
    let plan: TransformerPlan
    /// In a model of one layer, what `visionKeysForward` keeps: (B F, 1) each.
    let visionScale: Matrix<Scalar>
    let visionRMS: Matrix<Scalar>
    /// rmsnorm(e) and its rms: (U, D) and (U, 1).
    let normed: Matrix<Scalar>
    let rms: Matrix<Scalar>
    /// The residual stream: (R, D), after the last layer.
    let h: Matrix<Scalar>
    var layers: [Layer] = []
    /// (n, V) each.
    let logits: Matrix<Scalar>
    let probs: Matrix<Scalar>
    /// −log p of each prediction: (n, 1).
    let loss: Matrix<Scalar>

    struct Layer {
      /// a and its rms: (U, D) and (U, 1).
      let a: Matrix<Scalar>
      let rms: Matrix<Scalar>
      /// A key and a value in each row, first those of the vision positions: (K, 2 D).
      let kv: Matrix<Scalar>
      /// Queries, and what attention gives them: (Q, D).
      let q: Matrix<Scalar>
      let attended: Matrix<Scalar>
      /// Softmax of the scores and the partial scores they are made of, for the text queries and for the vision queries.
      let textScores: Scores
      let visionScores: Scores?
      /// m, its rms, and relu(W1 m): (Q, D), (Q, 1), (Q, E).
      let m: Matrix<Scalar>
      let mlpRMS: Matrix<Scalar>
      let hidden: Matrix<Scalar>
    }
  }

  func forward(
    _ microbatch: Microbatch<Scalar>, base: Matrix<Scalar>, _ arena: inout Arena<Scalar>
  ) -> Activations {
    let c = configuration
    let plan = TransformerPlan(microbatch, layers: c.layers, features: c.features)
    var activations = self.activations(plan, &arena)
    let h = activations.h
    embeddingForward(
      activations.normed, rms: activations.rms, base: plan.hasVisionRows ? base : base.rows(0..<0),
      tokens: plan.unique?.tokens ?? microbatch.tokens, positions: plan.unique?.positions ?? microbatch.positions,
      &arena)
    if let unique = plan.unique {
      kernels.gatherForward(h, x: activations.normed, index: unique.index)
    } else {
      h.copy(from: activations.normed)
    }
    for layer in 0..<c.layers {
      let weights = parameters.layers[layer]
      let queries = plan.queries(layer: layer)
      let a = self.layer(
        keys: plan.keys, rows: plan.embedded, queries: queries.count, textRows: plan.textRows, &arena)
      if !plan.hasVisionRows {
        kernels.visionKeysForward(
          a.kv.rows(plan.visionOnlyKeys), scale: activations.visionScale, rms: activations.visionRMS,
          projected: arena.matrix(microbatch.images + c.features, 2 * c.width), base: base,
          wpe: parameters.wpe.rows(0..<c.features), wkv: weights.wkv)
      }
      projectionForward(
        weights, a, layer == 0 ? activations.normed : h, queries: queries, unique: plan.unique, &arena)
      attentionForward(a, microbatch)
      outputForward(weights, a, h.rows(queries))
      activations.layers.append(a)
    }
    kernels.matmulForward(activations.logits, x: h.rows(plan.text), w: parameters.lmHead, accumulate: false)
    kernels.crossEntropyForward(
      activations.loss, probs: activations.probs, logits: activations.logits, targets: microbatch.targets,
      gradient: c.gradient)
    return activations
  }

  /// Writes the gradient of every transformer parameter, or adds it with `accumulate`, and writes dbase (B, D).
  func backward(
    _ gradient: Parameters<Scalar>, dbase: Matrix<Scalar>, base: Matrix<Scalar>, microbatch: Microbatch<Scalar>,
    activations: Activations, accumulate: Bool, _ arena: inout Arena<Scalar>
  ) {
    let c = configuration
    let plan = activations.plan
    let dlogits = activations.probs
    kernels.crossEntropyBackward(
      dlogits, probs: activations.probs, targets: microbatch.targets, weights: microbatch.weights)
    kernels.matmulBackwardWeight(
      gradient.lmHead, dy: dlogits, x: activations.h.rows(plan.text), accumulate: accumulate)
    var dh = arena.matrix(plan.rows, c.width)
    dh.rows(0..<plan.text.lowerBound).fill(0)
    kernels.matmulBackwardInput(dh.rows(plan.text), dy: dlogits, w: parameters.lmHead, accumulate: false)

    let dkv = arena.matrix(plan.keys, 2 * c.width)
    for layer in (0..<c.layers).reversed() {
      let weights = parameters.layers[layer]
      let a = activations.layers[layer]
      let queries = plan.queries(layer: layer)
      let dattended = arena.matrix(queries.count, c.width)
      let dq = arena.matrix(queries.count, c.width)
      outputBackward(
        gradient.layers[layer], weights, a, dh.rows(queries), dattended: dattended, accumulate: accumulate, &arena)
      attentionBackward(dq: dq, dkv: dkv, dattended: dattended, a, microbatch)
      dh = projectionBackward(
        gradient.layers[layer], weights, a, dh, dq: dq, dkv: dkv.lastRows(dh.rows), queries: queries,
        unique: plan.unique, accumulate: accumulate, &arena)
    }
    kernels.rmsNormBackward(
      dh, dy: dh, y: activations.normed, rms: activations.rms, gradient: c.gradient, accumulate: false)
    kernels.embeddingBackward(
      dwte: gradient.wte, dwpe: gradient.wpe, dbase: plan.hasVisionRows ? dbase : dbase.rows(0..<0), de: dh,
      tokens: plan.unique?.tokens ?? microbatch.tokens, positions: plan.unique?.positions ?? microbatch.positions,
      visionPositions: c.features, accumulate: accumulate)
    if !plan.hasVisionRows {
      // After embeddingBackward, since it adds into dwpe.
      kernels.visionKeysBackward(
        dwkv: gradient.layers[0].wkv, dbase: dbase, dwpe: gradient.wpe.rows(0..<c.features),
        sums: arena.matrix(microbatch.images + c.features, 2 * c.width), dkv: dkv.rows(plan.visionOnlyKeys),
        kv: activations.layers[0].kv.rows(plan.visionOnlyKeys), scale: activations.visionScale,
        rms: activations.visionRMS, base: base, wpe: parameters.wpe.rows(0..<c.features),
        wkv: parameters.layers[0].wkv, gradient: c.gradient)
    }
  }
}

// A layer begins: queries, keys and values of rmsnorm(h).
extension Transformer {
  /// normed = rmsnorm([b + wpe ; wte + wpe]).
  func embeddingForward(
    _ normed: Matrix<Scalar>, rms: Matrix<Scalar>, base: Matrix<Scalar>, tokens: Matrix<Int32>,
    positions: Matrix<Int32>, _ arena: inout Arena<Scalar>
  ) {
    let e = arena.matrix(normed.rows, normed.columns)
    kernels.embeddingForward(
      e, base: base, tokens: tokens, positions: positions, wte: parameters.wte, wpe: parameters.wpe,
      visionPositions: configuration.features)
    kernels.rmsNormForward(normed, rms: rms, x: e)
  }

  /// a = rmsnorm(h), keys and values Wkv a, and at the rows `queries` Wq a. With unique rows h has those alone, all with a
  /// query.
  func projectionForward(
    _ weights: Parameters<Scalar>.Layer, _ a: Activations.Layer, _ h: Matrix<Scalar>, queries: Range<Int>,
    unique: UniqueRows?, _ arena: inout Arena<Scalar>
  ) {
    kernels.rmsNormForward(a.a, rms: a.rms, x: h)
    guard let unique else {
      kernels.matmulForward(a.kv.lastRows(h.rows), x: a.a, w: weights.wkv, accumulate: false)
      kernels.matmulForward(a.q, x: a.a.rows(queries), w: weights.wq, accumulate: false)
      return
    }
    let (kv, q) = (arena.matrix(h.rows, a.kv.columns), arena.matrix(h.rows, a.q.columns))
    kernels.matmulForward(kv, x: a.a, w: weights.wkv, accumulate: false)
    kernels.matmulForward(q, x: a.a, w: weights.wq, accumulate: false)
    kernels.gatherForward(a.kv.lastRows(unique.index.rows), x: kv, index: unique.index)
    kernels.gatherForward(a.q, x: q, index: unique.index)
  }

  /// From the gradients of a layer's queries, keys and values, and dh after its attention, to dh before the layer. A unique
  /// row has the sum over the places where it stands.
  private func projectionBackward(
    _ gradient: Parameters<Scalar>.Layer, _ weights: Parameters<Scalar>.Layer, _ a: Activations.Layer,
    _ dh: Matrix<Scalar>, dq: Matrix<Scalar>, dkv: Matrix<Scalar>, queries: Range<Int>, unique: UniqueRows?,
    accumulate: Bool, _ arena: inout Arena<Scalar>
  ) -> Matrix<Scalar> {
    func summed(_ gradient: Matrix<Scalar>, _ arena: inout Arena<Scalar>) -> Matrix<Scalar> {
      guard let unique else { return gradient }
      let sums = arena.matrix(unique.tokens.rows, gradient.columns)
      kernels.gatherBackward(sums, dy: gradient, index: unique.index)
      return sums
    }
    let (dh, dq, dkv) = (summed(dh, &arena), summed(dq, &arena), summed(dkv, &arena))
    let queries = unique == nil ? queries : 0..<dq.rows
    let da = arena.matrix(dh.rows, dh.columns)
    kernels.matmulBackwardWeight(gradient.wq, dy: dq, x: a.a.rows(queries), accumulate: accumulate)
    kernels.matmulBackwardWeight(gradient.wkv, dy: dkv, x: a.a, accumulate: accumulate)
    kernels.matmulBackwardInput(da, dy: dkv, w: weights.wkv, accumulate: false)
    kernels.matmulBackwardInput(da.rows(queries), dy: dq, w: weights.wq, accumulate: true)
    kernels.rmsNormBackward(dh, dy: da, y: a.a, rms: a.rms, gradient: configuration.gradient, accumulate: true)
    return dh
  }
}

// Attention: image by image; F vision keys, which all queries see, then S causal text keys.
extension Transformer {
  private func attentionForward(_ a: Activations.Layer, _ microbatch: Microbatch<Scalar>) {
    let F = configuration.features
    let firstText = a.q.rows - microbatch.textRows
    for image in 0..<microbatch.images {
      if let visionScores = a.visionScores {
        scoresForward(
          a, visionScores, image * F..<(image + 1) * F, offset: 0, visionAsText(a.kv, image: image))
      }
      scoresForward(
        a, a.textScores, microbatch.text(image), offset: firstText, keys(a.kv, image: image, microbatch))
    }
  }

  private func attentionBackward(
    dq: Matrix<Scalar>, dkv: Matrix<Scalar>, dattended: Matrix<Scalar>, _ a: Activations.Layer,
    _ microbatch: Microbatch<Scalar>
  ) {
    let F = configuration.features
    let firstText = a.q.rows - microbatch.textRows
    for image in 0..<microbatch.images {
      // The text queries see every key of their image, so they write the gradient of the keys and the vision queries add.
      scoresBackward(
        dq: dq, dkeys: keys(dkv, image: image, microbatch), dattended: dattended, a, a.textScores,
        microbatch.text(image), offset: firstText, keys(a.kv, image: image, microbatch), accumulate: false)
      if let visionScores = a.visionScores {
        scoresBackward(
          dq: dq, dkeys: visionAsText(dkv, image: image), dattended: dattended, a, visionScores,
          image * F..<(image + 1) * F, offset: 0, visionAsText(a.kv, image: image), accumulate: true)
      }
    }
  }

  /// Attention of the queries `rows`, which stand `offset` rows into the layer's queries.
  func scoresForward(
    _ a: Activations.Layer, _ scores: Scores, _ rows: Range<Int>, offset: Int, _ keys: KeyValues<Scalar>
  ) {
    let queries = offset + rows.lowerBound..<offset + rows.upperBound
    let (H, R) = (configuration.heads, configuration.attention.degree)
    kernels.attentionForward(
      a.attended.rows(queries), probs: scores.probs(rows, keys: keys.count, heads: H),
      partialScores: scores.partial(rows, keys: keys.count, heads: H, degree: R), q: a.q.rows(queries), keys: keys,
      heads: H, degree: R)
  }

  private func scoresBackward(
    dq: Matrix<Scalar>, dkeys: KeyValues<Scalar>, dattended: Matrix<Scalar>, _ a: Activations.Layer,
    _ scores: Scores, _ rows: Range<Int>, offset: Int, _ keys: KeyValues<Scalar>, accumulate: Bool
  ) {
    let queries = offset + rows.lowerBound..<offset + rows.upperBound
    let (H, R) = (configuration.heads, configuration.attention.degree)
    kernels.attentionBackward(
      dq: dq.rows(queries), dkeys: dkeys, dy: dattended.rows(queries),
      probs: scores.probs(rows, keys: keys.count, heads: H),
      partialScores: scores.partial(rows, keys: keys.count, heads: H, degree: R), q: a.q.rows(queries), keys: keys,
      heads: H, degree: R, accumulate: accumulate)
  }

  /// An image's keys: those of its vision positions and of its text.
  private func keys(_ kv: Matrix<Scalar>, image: Int, _ microbatch: Microbatch<Scalar>) -> KeyValues<Scalar> {
    let F = configuration.features
    let text = microbatch.text(image)
    let vision = microbatch.images * F
    return KeyValues(
      vision: kv.rows(image * F..<(image + 1) * F), text: kv.rows(vision + text.lowerBound..<vision + text.upperBound))
  }

  /// The vision positions as text of their own: causal, with nothing before them.
  private func visionAsText(_ kv: Matrix<Scalar>, image: Int) -> KeyValues<Scalar> {
    let F = configuration.features
    return KeyValues(vision: kv.rows(0..<0), text: kv.rows(image * F..<(image + 1) * F))
  }

  /// For each image (H queries, T) probabilities and, of R > 1, (R H queries, T) partial scores, one image behind the
  /// other.
  struct Scores {
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
}

// A layer ends: what attention gives, and the MLP, at the rows with queries.
extension Transformer {
  /// h += Wo attended, then h += W2 relu(W1 rmsnorm(h)).
  func outputForward(_ weights: Parameters<Scalar>.Layer, _ a: Activations.Layer, _ h: Matrix<Scalar>) {
    kernels.matmulForward(h, x: a.attended, w: weights.wo, accumulate: true)
    kernels.rmsNormForward(a.m, rms: a.mlpRMS, x: h)
    kernels.mlpForward(h, hidden: a.hidden, x: a.m, w1: weights.fc1, w2: weights.fc2, accumulate: true)
  }

  /// From dh after a layer to dh after its attention and the gradient of a.attended.
  private func outputBackward(
    _ gradient: Parameters<Scalar>.Layer, _ weights: Parameters<Scalar>.Layer, _ a: Activations.Layer,
    _ dh: Matrix<Scalar>, dattended: Matrix<Scalar>, accumulate: Bool, _ arena: inout Arena<Scalar>
  ) {
    let dm = arena.matrix(dh.rows, dh.columns)
    kernels.mlpBackward(
      dx: dm, dw1: gradient.fc1, dw2: gradient.fc2, dhidden: arena.matrix(dh.rows, a.hidden.columns), dy: dh,
      hidden: a.hidden, x: a.m, w1: weights.fc1, w2: weights.fc2, accumulate: accumulate)
    kernels.rmsNormBackward(
      dh, dy: dm, y: a.m, rms: a.mlpRMS, gradient: configuration.gradient, accumulate: true)
    kernels.matmulBackwardWeight(gradient.wo, dy: dh, x: a.attended, accumulate: accumulate)
    kernels.matmulBackwardInput(dattended, dy: dh, w: weights.wo, accumulate: false)
  }
}

// Room for what forward keeps.
extension Transformer {
  private func activations(_ plan: TransformerPlan, _ arena: inout Arena<Scalar>) -> Activations {
    let (D, V, n) = (configuration.width, parameters.wte.rows, plan.textRows)
    let visionOnly = plan.visionOnlyKeys.count
    return Activations(
      plan: plan, visionScale: arena.matrix(visionOnly, 1), visionRMS: arena.matrix(visionOnly, 1),
      normed: arena.matrix(plan.embedded, D), rms: arena.matrix(plan.embedded, 1), h: arena.matrix(plan.rows, D),
      logits: arena.matrix(n, V), probs: arena.matrix(n, V), loss: arena.matrix(n, 1))
  }

  /// A layer with K keys, R rows, Q queries, of which the last n are text.
  func layer(
    keys K: Int, rows R: Int, queries Q: Int, textRows n: Int, _ arena: inout Arena<Scalar>
  ) -> Activations.Layer {
    let c = configuration
    func scores(queries: Int, keys: Int, _ arena: inout Arena<Scalar>) -> Scores {
      let parts = c.attention.degree > 1 ? c.attention.degree : 0
      return Scores(
        probs: arena.matrix(c.heads * queries, keys), partial: arena.matrix(parts * c.heads * queries, keys))
    }
    return Activations.Layer(
      a: arena.matrix(R, c.width), rms: arena.matrix(R, 1), kv: arena.matrix(K, 2 * c.width),
      q: arena.matrix(Q, c.width), attended: arena.matrix(Q, c.width),
      textScores: scores(queries: n, keys: c.positions, &arena),
      visionScores: Q == n ? nil : scores(queries: Q - n, keys: c.features, &arena),
      m: arena.matrix(Q, c.width), mlpRMS: arena.matrix(Q, 1), hidden: arena.matrix(Q, c.hiddenWidth))
  }
}
