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

  /// What forward keeps for backward; K and R as in the plan, Q queries and O outputs of the layer.
  struct Activations {
    let plan: TransformerPlan
    /// rmsnorm(e) and its rms: (K, D) and (K, 1).
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
      /// a and its rms: (K, D) and (K, 1).
      let a: Matrix<Scalar>
      let rms: Matrix<Scalar>
      /// A key and a value in each row, first those of the vision positions if they have rows: (K, 2 D).
      let kv: Matrix<Scalar>
      /// Queries: (Q, D).
      let q: Matrix<Scalar>
      /// What attention gives: (O, D).
      let attended: Matrix<Scalar>
      let scores: Scores
      /// m, its rms, and relu(W1 m): (O, D), (O, 1), (O, E).
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
      tokens: microbatch.tokens, positions: microbatch.positions, &arena)
    if microbatch.sharesText {
      kernels.gatherForward(h, x: activations.normed, index: microbatch.index)
    } else {
      h.copy(from: activations.normed)
    }
    for layer in 0..<c.layers {
      let a = self.layer(plan, layer, microbatch, base: base, &arena)
      projectionForward(
        parameters.layers[layer], a, layer == 0 ? activations.normed : h, queries: plan.queries(layer: layer))
      attentionForward(a, microbatch, &arena)
      outputForward(parameters.layers[layer], a, h.rows(plan.outputs(layer: layer)))
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
    var dvision: VisionGradient?
    for layer in (0..<c.layers).reversed() {
      let weights = parameters.layers[layer]
      let a = activations.layers[layer]
      let dattended = arena.matrix(a.attended.rows, c.width)
      let dq = arena.matrix(a.q.rows, c.width)
      outputBackward(
        gradient.layers[layer], weights, a, dh.rows(plan.outputs(layer: layer)), dattended: dattended,
        accumulate: accumulate, &arena)
      dvision = attentionBackward(dq: dq, dkv: dkv, dattended: dattended, a, microbatch, &arena)
      if microbatch.sharesText {
        let sums = arena.matrix(plan.runRows, c.width)
        kernels.gatherBackward(sums, dy: dh, index: microbatch.index)
        dh = sums
      }
      projectionBackward(
        gradient.layers[layer], weights, a, dh, dq: dq, dkv: dkv, queries: plan.queries(layer: layer),
        accumulate: accumulate, &arena)
    }
    kernels.rmsNormBackward(
      dh, dy: dh, y: activations.normed, rms: activations.rms, gradient: c.gradient, accumulate: false)
    kernels.embeddingBackward(
      dwte: gradient.wte, dwpe: gradient.wpe, dbase: plan.hasVisionRows ? dbase : dbase.rows(0..<0), de: dh,
      tokens: microbatch.tokens, positions: microbatch.positions, visionPositions: c.features, accumulate: accumulate)
    // After embeddingBackward, since it adds into dwpe.
    if let dvision { visionFactorsBackward(gradient, dvision, dbase: dbase, base: base, &arena) }
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

  /// a = rmsnorm(h), keys and values Wkv a, and at the rows `queries` Wq a.
  func projectionForward(
    _ weights: Parameters<Scalar>.Layer, _ a: Activations.Layer, _ h: Matrix<Scalar>, queries: Range<Int>
  ) {
    kernels.rmsNormForward(a.a, rms: a.rms, x: h)
    kernels.matmulForward(a.kv, x: a.a, w: weights.wkv, accumulate: false)
    kernels.matmulForward(a.q, x: a.a.rows(queries), w: weights.wq, accumulate: false)
  }

  /// From the gradients of a layer's queries, keys and values, and dh after its attention, to dh before the layer.
  private func projectionBackward(
    _ gradient: Parameters<Scalar>.Layer, _ weights: Parameters<Scalar>.Layer, _ a: Activations.Layer,
    _ dh: Matrix<Scalar>, dq: Matrix<Scalar>, dkv: Matrix<Scalar>, queries: Range<Int>, accumulate: Bool,
    _ arena: inout Arena<Scalar>
  ) {
    let da = arena.matrix(dh.rows, dh.columns)
    kernels.matmulBackwardWeight(gradient.wq, dy: dq, x: a.a.rows(queries), accumulate: accumulate)
    kernels.matmulBackwardWeight(gradient.wkv, dy: dkv, x: a.a, accumulate: accumulate)
    kernels.matmulBackwardInput(da, dy: dkv, w: weights.wkv, accumulate: false)
    kernels.matmulBackwardInput(da.rows(queries), dy: dq, w: weights.wq, accumulate: true)
    kernels.rmsNormBackward(dh, dy: da, y: a.a, rms: a.rms, gradient: configuration.gradient, accumulate: true)
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
  private func activations(
    _ plan: TransformerPlan, _ arena: inout Arena<Scalar>
  ) -> Activations {
    let (D, V, n) = (configuration.width, parameters.wte.rows, plan.textRows)
    return Activations(
      plan: plan, normed: arena.matrix(plan.keys, D), rms: arena.matrix(plan.keys, 1),
      h: arena.matrix(plan.rows, D), logits: arena.matrix(n, V), probs: arena.matrix(n, V), loss: arena.matrix(n, 1))
  }

  private func layer(
    _ plan: TransformerPlan, _ layer: Int, _ microbatch: Microbatch<Scalar>, base: Matrix<Scalar>,
    _ arena: inout Arena<Scalar>
  ) -> Activations.Layer {
    let outputs = plan.outputs(layer: layer).count
    let scores =
      plan.hasVisionRows
      ? imageScores(textQueries: plan.textRows, visionQueries: outputs - plan.textRows, &arena)
      : .ofRuns(runScores(visionFactorsForward(base, &arena), microbatch.runs, &arena))
    return self.layer(
      keys: plan.keys, queries: plan.queries(layer: layer).count, outputs: outputs, scores: scores, &arena)
  }

  /// A layer with K keys, Q queries and O outputs.
  func layer(
    keys K: Int, queries Q: Int, outputs O: Int, scores: Scores, _ arena: inout Arena<Scalar>
  ) -> Activations.Layer {
    let c = configuration
    return Activations.Layer(
      a: arena.matrix(K, c.width), rms: arena.matrix(K, 1), kv: arena.matrix(K, 2 * c.width),
      q: arena.matrix(Q, c.width), attended: arena.matrix(O, c.width), scores: scores, m: arena.matrix(O, c.width),
      mlpRMS: arena.matrix(O, 1), hidden: arena.matrix(O, c.hiddenWidth))
  }
}
