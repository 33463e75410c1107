import ReferenceKernels

/// From vision embeddings and text tokens to logits: a GPT without biases and gains.
///
///     e = [b + wpe ; wte + wpe],  h = rmsnorm(e)
///     each layer:  a = rmsnorm(h),  h += Wo attention(Wq a, Wk a, Wv a)
///                  m = rmsnorm(h),  h += W2 relu(W1 m)
///     logits = lm_head h, at the text positions
///
/// In the last layer only text positions predict, so vision positions get keys and values there and nothing else: no
/// query, no output, no MLP. That changes no gradient. If it is also the first layer, the vision positions have no rows at
/// all: their keys and values come straight from b and wpe (see `visionKeysForward`). And what it makes of text rows
/// before attention, it makes once for those that are alike (see `TokenPairs`).
struct Transformer<K: Kernels> {
  typealias Scalar = K.Scalar

  /// What forward keeps for backward; K = B F + n keys, R = K rows, or n in a model of one layer, Q = the rows that have
  /// queries in the layer, and U = R, or the number of token pairs if the block has them.
  struct Activations {
    struct Layer {
      /// a and its rms: (U, D) and (U, 1).
      let a: Matrix<Scalar>
      let rms: Matrix<Scalar>
      /// A key and a value in each row, first those of the vision positions: (K, 2 D).
      let kv: Matrix<Scalar>
      /// Queries, and what attention gives them: (Q, D).
      let q: Matrix<Scalar>
      let attended: Matrix<Scalar>
      /// Softmax of the scores and the dot products they are made of, for the text queries and for the vision queries.
      let textScores: Scores
      let visionScores: Scores?
      /// m, its rms, and relu(W1 m): (Q, D), (Q, 1), (Q, E).
      let m: Matrix<Scalar>
      let mlpRMS: Matrix<Scalar>
      let hidden: Matrix<Scalar>
    }

    /// For each image (H queries, T) probabilities and (2 H queries, T) dot products, one image behind the other.
    struct Scores {
      let probs: Matrix<Scalar>
      let dots: Matrix<Scalar>

      /// The probabilities, (H n, T), of the image whose n queries are `queries` and see T keys.
      func probs(_ queries: Range<Int>, keys T: Int, heads H: Int) -> Matrix<Scalar> {
        probs.rows(H * queries.lowerBound..<H * queries.upperBound).reshaped(rows: H * queries.count, columns: T)
      }

      /// Its dot products, (2 H n, T).
      func dots(_ queries: Range<Int>, keys T: Int, heads H: Int) -> Matrix<Scalar> {
        dots.rows(2 * H * queries.lowerBound..<2 * H * queries.upperBound)
          .reshaped(rows: 2 * H * queries.count, columns: T)
      }
    }

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
  }

  let kernels: K
  let configuration: ModelConfiguration
  let parameters: Parameters<Scalar>

  /// Whether the vision positions have rows in the residual stream, or keys and values alone.
  private var hasVisionRows: Bool { configuration.layers > 1 }

  /// Keys that come straight from b and wpe: those of the vision positions, if they have no rows.
  private func loneKeys(_ block: Block<Scalar>) -> Range<Int> {
    0..<(hasVisionRows ? 0 : block.images * configuration.features)
  }

  /// The text rows of the residual stream.
  private func textRows(_ block: Block<Scalar>) -> Range<Int> {
    let vision = hasVisionRows ? block.images * configuration.features : 0
    return vision..<vision + block.textRows
  }

  /// Rows with a query in a layer: all, or in the last layer the text rows.
  private func queryRows(layer: Int, _ block: Block<Scalar>) -> Range<Int> {
    let text = textRows(block)
    return layer == configuration.layers - 1 ? text : 0..<text.upperBound
  }

  func forward(_ block: Block<Scalar>, base: Matrix<Scalar>, _ arena: inout Arena<Scalar>) -> Activations {
    let c = configuration
    let keys = block.images * c.features + block.textRows
    let text = textRows(block)
    let R = text.upperBound
    let V = parameters.wte.rows
    let n = block.textRows
    let U = block.pairs?.tokens.rows ?? R
    let lone = loneKeys(block)
    var activations = Activations(
      visionScale: arena.matrix(lone.count, 1), visionRMS: arena.matrix(lone.count, 1),
      normed: arena.matrix(U, c.width), rms: arena.matrix(U, 1), h: arena.matrix(R, c.width),
      logits: arena.matrix(n, V), probs: arena.matrix(n, V), loss: arena.matrix(n, 1))
    let h = activations.h
    embeddingForward(
      activations.normed, rms: activations.rms, base: hasVisionRows ? base : base.rows(0..<0),
      tokens: block.pairs?.tokens ?? block.tokens, positions: block.pairs?.positions ?? block.positions, &arena)
    if let pairs = block.pairs {
      kernels.gatherForward(h, x: activations.normed, index: pairs.index)
    } else {
      h.copy(from: activations.normed)
    }

    for layer in 0..<c.layers {
      let weights = parameters.layers[layer]
      let queries = queryRows(layer: layer, block)
      let a = self.layer(
        images: block.images, keys: keys, rows: U, queries: queries.count, textRows: n, &arena)
      if !hasVisionRows {
        kernels.visionKeysForward(
          a.kv.rows(lone), scale: activations.visionScale, rms: activations.visionRMS,
          projected: arena.matrix(block.images + c.features, 2 * c.width), base: base,
          wpe: parameters.wpe.rows(0..<c.features), wkv: weights.wkv)
      }
      projectForward(weights, a, layer == 0 ? activations.normed : h, queries: queries, pairs: block.pairs, &arena)
      attentionForward(a, block)
      layerForward(weights, a, h.rows(queries))
      activations.layers.append(a)
    }
    kernels.matmulForward(activations.logits, x: h.rows(text), w: parameters.lmHead, accumulate: false)
    kernels.crossEntropyForward(
      activations.loss, probs: activations.probs, logits: activations.logits, targets: block.targets,
      gradient: c.gradient)
    return activations
  }

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

  /// The beginning of a layer: a = rmsnorm(h), keys and values Wkv a, and at the rows `queries` Wq a. With pairs h has a
  /// row for each of them, all with a query.
  func projectForward(
    _ weights: Parameters<Scalar>.Layer, _ a: Activations.Layer, _ h: Matrix<Scalar>, queries: Range<Int>,
    pairs: TokenPairs?, _ arena: inout Arena<Scalar>
  ) {
    kernels.rmsNormForward(a.a, rms: a.rms, x: h)
    guard let pairs else {
      kernels.matmulForward(a.kv.lastRows(h.rows), x: a.a, w: weights.wkv, accumulate: false)
      kernels.matmulForward(a.q, x: a.a.rows(queries), w: weights.wq, accumulate: false)
      return
    }
    let (kv, q) = (arena.matrix(h.rows, a.kv.columns), arena.matrix(h.rows, a.q.columns))
    kernels.matmulForward(kv, x: a.a, w: weights.wkv, accumulate: false)
    kernels.matmulForward(q, x: a.a, w: weights.wq, accumulate: false)
    kernels.gatherForward(a.kv.lastRows(pairs.index.rows), x: kv, index: pairs.index)
    kernels.gatherForward(a.q, x: q, index: pairs.index)
  }

  /// What follows attention in a layer, at the rows with queries: h += Wo attended, then h += MLP.
  func layerForward(_ weights: Parameters<Scalar>.Layer, _ a: Activations.Layer, _ h: Matrix<Scalar>) {
    kernels.matmulForward(h, x: a.attended, w: weights.wo, accumulate: true)
    kernels.rmsNormForward(a.m, rms: a.mlpRMS, x: h)
    kernels.mlpForward(h, hidden: a.hidden, x: a.m, w1: weights.fc1, w2: weights.fc2, accumulate: true)
  }

  /// Writes the gradient of every transformer parameter, or adds it with `accumulate`, and writes dbase (B, D).
  func backward(
    _ gradient: Parameters<Scalar>, dbase: Matrix<Scalar>, base: Matrix<Scalar>, block: Block<Scalar>,
    activations: Activations, accumulate: Bool, _ arena: inout Arena<Scalar>
  ) {
    let c = configuration
    let text = textRows(block)
    let dlogits = activations.probs
    var dh = arena.matrix(text.upperBound, c.width)
    kernels.crossEntropyBackward(
      dlogits, probs: activations.probs, targets: block.targets, weights: block.weights)
    kernels.matmulBackwardWeight(
      gradient.lmHead, dy: dlogits, x: activations.h.rows(text), accumulate: accumulate)
    dh.rows(0..<text.lowerBound).fill(0)
    kernels.matmulBackwardInput(dh.rows(text), dy: dlogits, w: parameters.lmHead, accumulate: false)

    let dkv = arena.matrix(block.images * c.features + block.textRows, 2 * c.width)
    for layer in (0..<c.layers).reversed() {
      let a = activations.layers[layer]
      let queries = queryRows(layer: layer, block)
      let dattended = arena.matrix(queries.count, c.width)
      let dq = arena.matrix(queries.count, c.width)
      layerBackward(
        gradient.layers[layer], parameters.layers[layer], a, dh.rows(queries), dattended: dattended,
        accumulate: accumulate, &arena)
      attentionBackward(dq: dq, dkv: dkv, dattended: dattended, a, block)
      dh = projectBackward(
        gradient.layers[layer], parameters.layers[layer], a, dh, dq: dq, dkv: dkv.lastRows(dh.rows), queries: queries,
        pairs: block.pairs, accumulate: accumulate, &arena)
    }

    kernels.rmsNormBackward(
      dh, dy: dh, y: activations.normed, rms: activations.rms, gradient: c.gradient, accumulate: false)
    kernels.embeddingBackward(
      dwte: gradient.wte, dwpe: gradient.wpe, dbase: hasVisionRows ? dbase : dbase.rows(0..<0), de: dh,
      tokens: block.pairs?.tokens ?? block.tokens, positions: block.pairs?.positions ?? block.positions,
      visionPositions: c.features, accumulate: accumulate)
    if !hasVisionRows {
      let lone = loneKeys(block)
      kernels.visionKeysBackward(
        dwkv: gradient.layers[0].wkv, dbase: dbase, dwpe: gradient.wpe.rows(0..<c.features),
        sums: arena.matrix(block.images + c.features, 2 * c.width), dkv: dkv.rows(lone),
        kv: activations.layers[0].kv.rows(lone), scale: activations.visionScale, rms: activations.visionRMS,
        base: base, wpe: parameters.wpe.rows(0..<c.features), wkv: parameters.layers[0].wkv, gradient: c.gradient)
    }
  }

  /// From dh after a layer, at the rows with queries, to dh after its attention and the gradient of a.attended.
  private func layerBackward(
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

  /// From the gradients of a layer's queries, keys and values, and dh after its attention, to dh before the layer. With
  /// pairs each has the sum over its rows.
  private func projectBackward(
    _ gradient: Parameters<Scalar>.Layer, _ weights: Parameters<Scalar>.Layer, _ a: Activations.Layer,
    _ dh: Matrix<Scalar>, dq: Matrix<Scalar>, dkv: Matrix<Scalar>, queries: Range<Int>, pairs: TokenPairs?,
    accumulate: Bool, _ arena: inout Arena<Scalar>
  ) -> Matrix<Scalar> {
    func perPair(_ gradient: Matrix<Scalar>, _ arena: inout Arena<Scalar>) -> Matrix<Scalar> {
      guard let pairs else { return gradient }
      let sums = arena.matrix(pairs.tokens.rows, gradient.columns)
      kernels.gatherBackward(sums, dy: gradient, index: pairs.index)
      return sums
    }
    let (dh, dq, dkv) = (perPair(dh, &arena), perPair(dq, &arena), perPair(dkv, &arena))
    let queries = pairs == nil ? queries : 0..<dq.rows
    let da = arena.matrix(dh.rows, dh.columns)
    kernels.matmulBackwardWeight(gradient.wq, dy: dq, x: a.a.rows(queries), accumulate: accumulate)
    kernels.matmulBackwardWeight(gradient.wkv, dy: dkv, x: a.a, accumulate: accumulate)
    kernels.matmulBackwardInput(da, dy: dkv, w: weights.wkv, accumulate: false)
    kernels.matmulBackwardInput(da.rows(queries), dy: dq, w: weights.wq, accumulate: true)
    kernels.rmsNormBackward(dh, dy: da, y: a.a, rms: a.rms, gradient: configuration.gradient, accumulate: true)
    return dh
  }

  /// An image's share of the rows of a layer: keys of its vision positions, keys of its text, and its queries.
  private func keys(_ kv: Matrix<Scalar>, image: Int, _ block: Block<Scalar>) -> KeyValues<Scalar> {
    let F = configuration.features
    let text = block.text(image)
    let vision = block.images * F
    return KeyValues(
      prefix: kv.rows(image * F..<(image + 1) * F), own: kv.rows(vision + text.lowerBound..<vision + text.upperBound))
  }

  /// The vision positions as text of their own: causal, with nothing before them.
  private func visionKeys(_ kv: Matrix<Scalar>, image: Int) -> KeyValues<Scalar> {
    let F = configuration.features
    return KeyValues(prefix: kv.rows(0..<0), own: kv.rows(image * F..<(image + 1) * F))
  }

  private func attentionForward(_ a: Activations.Layer, _ block: Block<Scalar>) {
    let F = configuration.features
    let firstText = a.q.rows - block.textRows
    for image in 0..<block.images {
      if let visionScores = a.visionScores {
        let queries = image * F..<(image + 1) * F
        scoresForward(a, visionScores, queries, offset: 0, visionKeys(a.kv, image: image))
      }
      scoresForward(a, a.textScores, block.text(image), offset: firstText, keys(a.kv, image: image, block))
    }
  }

  private func attentionBackward(
    dq: Matrix<Scalar>, dkv: Matrix<Scalar>, dattended: Matrix<Scalar>, _ a: Activations.Layer, _ block: Block<Scalar>
  ) {
    let F = configuration.features
    let firstText = a.q.rows - block.textRows
    for image in 0..<block.images {
      // The text queries see every key of their image, so they write the gradient of the keys and the vision queries add.
      scoresBackward(
        dq: dq, dkeys: keys(dkv, image: image, block), dattended: dattended, a, a.textScores, block.text(image),
        offset: firstText, keys(a.kv, image: image, block), accumulate: false)
      if let visionScores = a.visionScores {
        scoresBackward(
          dq: dq, dkeys: visionKeys(dkv, image: image), dattended: dattended, a, visionScores,
          image * F..<(image + 1) * F, offset: 0, visionKeys(a.kv, image: image), accumulate: true)
      }
    }
  }

  /// Attention of the queries `rows`, which stand `offset` rows into the layer's queries.
  func scoresForward(
    _ a: Activations.Layer, _ scores: Activations.Scores, _ rows: Range<Int>, offset: Int, _ keys: KeyValues<Scalar>
  ) {
    let queries = offset + rows.lowerBound..<offset + rows.upperBound
    let H = configuration.heads
    let probs = scores.probs(rows, keys: keys.count, heads: H)
    switch configuration.attention {
    case .tensor:
      kernels.tensorAttentionForward(
        a.attended.rows(queries), probs: probs, dots: scores.dots(rows, keys: keys.count, heads: H),
        q: a.q.rows(queries), keys: keys, heads: H)
    case .dot:
      kernels.dotAttentionForward(
        a.attended.rows(queries), probs: probs, q: a.q.rows(queries), keys: keys, heads: H)
    }
  }

  private func scoresBackward(
    dq: Matrix<Scalar>, dkeys: KeyValues<Scalar>, dattended: Matrix<Scalar>, _ a: Activations.Layer,
    _ scores: Activations.Scores, _ rows: Range<Int>, offset: Int, _ keys: KeyValues<Scalar>, accumulate: Bool
  ) {
    let queries = offset + rows.lowerBound..<offset + rows.upperBound
    let H = configuration.heads
    let probs = scores.probs(rows, keys: keys.count, heads: H)
    switch configuration.attention {
    case .tensor:
      kernels.tensorAttentionBackward(
        dq: dq.rows(queries), dkeys: dkeys, dy: dattended.rows(queries), probs: probs,
        dots: scores.dots(rows, keys: keys.count, heads: H),
        q: a.q.rows(queries), keys: keys, heads: H, accumulate: accumulate)
    case .dot:
      kernels.dotAttentionBackward(
        dq: dq.rows(queries), dkeys: dkeys, dy: dattended.rows(queries), probs: probs, q: a.q.rows(queries),
        keys: keys, heads: H, accumulate: accumulate)
    }
  }

  func layer(
    images B: Int, keys K: Int, rows R: Int, queries Q: Int, textRows n: Int, _ arena: inout Arena<Scalar>
  ) -> Activations.Layer {
    let c = configuration
    func scores(queries: Int, keys: Int, _ arena: inout Arena<Scalar>) -> Activations.Scores {
      let dots = c.attention == .tensor ? 2 * c.heads * queries : 0
      return Activations.Scores(probs: arena.matrix(c.heads * queries, keys), dots: arena.matrix(dots, keys))
    }
    return Activations.Layer(
      a: arena.matrix(R, c.width), rms: arena.matrix(R, 1), kv: arena.matrix(K, 2 * c.width),
      q: arena.matrix(Q, c.width), attended: arena.matrix(Q, c.width),
      textScores: scores(queries: n, keys: c.positions, &arena),
      visionScores: Q == n ? nil : scores(queries: B * c.features, keys: c.features, &arena),
      m: arena.matrix(Q, c.width), mlpRMS: arena.matrix(Q, 1), hidden: arena.matrix(Q, c.hiddenWidth))
  }
}
