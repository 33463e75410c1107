import ReferenceKernels

/// A word that the model spelled, and how sure it was of each token.
public struct Spelling: Equatable, Sendable {
  /// The letters, without BOS and EOS.
  public let word: String
  /// Every token that was generated, a final EOS included, and its probability.
  public let tokens: [Int32]
  /// The probability of each of these tokens after those before it.
  public let probabilities: [Double]
  /// Whether they are probabilities at all: weights that are too large make NaN of them, and then the word means nothing.
  public var isFinite: Bool { probabilities.allSatisfy { $0.isFinite } }
}

extension VisionLanguageModel {
  /// Images that go through the model together.
  private static var imagesPerPass: Int { 32 }

  /// Spells the images `range`, the same for any number of threads.
  /// - Throws: `ConfigurationError` if the images are smaller than the model's.
  @specialized(where K == CKernels)
  @specialized(where K == Reference<Float>)
  @specialized(where K == Reference<Double>)
  public func spell(
    _ images: LabelledImages, _ range: Range<Int>, threads: Int = 1
  ) throws(ConfigurationError) -> [Spelling] {
    let input = try ImageInput(side: images.side, size: configuration.imageSize)
    let passes = stride(from: range.lowerBound, to: range.upperBound, by: Self.imagesPerPass).map {
      $0..<min($0 + Self.imagesPerPass, range.upperBound)
    }
    let threads = max(1, min(threads, passes.count))
    let workspaces = (0..<threads).map { _ in Workspace<Scalar>() }
    var spellings = [[Spelling]](repeating: [], count: passes.count)
    spellings.withUnsafeMutableBufferPointer { spellings in
      parallel(count: passes.count, threads: threads) { index, thread in
        let workspace = workspaces[thread]
        workspace.reset()
        let x = workspace.arena.matrix(passes[index].count, configuration.pixels)
        _ = input.forward(kernels, images, passes[index], into: x, &workspace.arena)
        spellings[index] = spell(x, workspace)
      }
    }
    return spellings.flatMap { $0 }
  }
}

extension VisionLanguageModel {
  /// Spells each image greedily: vision positions, then BOS, then each time the likeliest token, until EOS or BOS or as
  /// many tokens as the model has text positions.
  ///
  /// Keys and values of earlier positions are kept, so each step computes one row for every image that is not done.
  /// - Parameters:
  ///   - x: normalised images, (B, P).
  ///   - observe: sees each step: its number, the images that it is for, the probabilities of what comes next, a row for each
  ///     of them, and what the layers kept.
  func spell(
    _ x: Matrix<Scalar>, _ workspace: Workspace<Scalar>,
    observe: (Int, [Int], Matrix<Scalar>, [Transformer<K>.Activations.Layer]) -> Void = { _, _, _, _ in }
  ) -> [Spelling] {
    let c = configuration
    let base = encoder.forward(x, reconstruction: false, &workspace.arena).base
    let vision = transformer.forward(workspace.microbatch(x: x), base: base, &workspace.arena)
    let cache = vision.layers.map {
      Transformer<K>.Cache(vision: $0.kv, text: workspace.arena.matrix(x.rows * c.maximumTextLength, 2 * c.width))
    }
    // What each image has got so far; of `lengths` steps.
    let tokens = workspace.indices.matrix(x.rows, c.maximumTextLength)
    let probabilities = workspace.arena.matrix(x.rows, c.maximumTextLength)
    var lengths = [Int](repeating: 0, count: x.rows)
    var active = Array(0..<x.rows)

    for step in 0..<c.maximumTextLength where !active.isEmpty {
      let inputs = active.map { step > 0 ? tokens[$0, step - 1] : vocabulary.bos }
      let (probs, layers) = transformer.next(inputs, images: active, step: step, cache, workspace)
      observe(step, active, probs, layers)
      for (row, image) in active.enumerated() {
        let next = (1..<probs.columns).reduce(0) { probs[row, $1] > probs[row, $0] ? $1 : $0 }
        tokens[image, step] = Int32(next)
        probabilities[image, step] = probs[row, next]
        lengths[image] = step + 1
      }
      active.removeAll { tokens[$0, step] >= vocabulary.bos }
    }
    return lengths.enumerated().map { image, length in
      let spelled = (0..<length).map { tokens[image, $0] }
      return Spelling(
        word: vocabulary.decode(spelled), tokens: spelled,
        probabilities: (0..<length).map { Double(probabilities[image, $0]) })
    }
  }
}

extension Transformer {
  /// Keys and values of one layer: those of the vision positions (B F, 2 D), and room for those of the text, each image
  /// having `maximumTextLength` rows.
  struct Cache {
    let vision: Matrix<Scalar>
    let text: Matrix<Scalar>
  }

  /// One step of generation: the probabilities (images, V) of what follows `inputs`, which stand at text position `step`
  /// of `images`; and what each layer kept. Adds their keys and values to the cache.
  func next(
    _ inputs: [Int32], images: [Int], step: Int, _ cache: [Cache], _ workspace: Workspace<Scalar>
  ) -> (probs: Matrix<Scalar>, layers: [Activations.Layer]) {
    let c = configuration
    let n = inputs.count
    var layers: [Activations.Layer] = []
    let tokens = workspace.indices.matrix(n, 1)
    let positions = workspace.indices.matrix(n, 1)
    for (row, token) in inputs.enumerated() { tokens[row, 0] = token }
    positions.fill(Int32(c.features + step))

    let unique = workspace.uniqueRows(tokens, positions, positionsBelow: c.positions)
    let normed = workspace.arena.matrix(unique.tokens.rows, c.width)
    embeddingForward(
      normed, rms: workspace.arena.matrix(normed.rows, 1), base: normed.rows(0..<0), tokens: unique.tokens,
      positions: unique.positions, &workspace.arena)
    let h = workspace.arena.matrix(n, c.width)
    kernels.gatherForward(h, x: normed, index: unique.index)
    for (layer, (weights, cache)) in zip(parameters.layers, cache).enumerated() {
      let isFirst = layer == 0
      let a = self.layer(
        keys: n, rows: isFirst ? normed.rows : n, queries: n, textRows: n, &workspace.arena)
      projectionForward(
        weights, a, isFirst ? normed : h, queries: 0..<n, unique: isFirst ? unique : nil, &workspace.arena)
      for (row, image) in images.enumerated() {
        let first = image * c.maximumTextLength
        cache.text.rows(first + step..<first + step + 1).copy(from: a.kv.rows(row..<row + 1))
        let keys = KeyValues(
          vision: cache.vision.rows(image * c.features..<(image + 1) * c.features),
          text: cache.text.rows(first..<first + step + 1))
        scoresForward(a, a.textScores, row..<row + 1, offset: 0, keys)
      }
      outputForward(weights, a, h)
      layers.append(a)
    }
    let logits = workspace.arena.matrix(n, parameters.lmHead.rows)
    kernels.matmulForward(logits, x: h, w: parameters.lmHead, accumulate: false)
    let probs = workspace.arena.matrix(n, logits.columns)
    // Only the softmax is wanted; any target will do.
    let targets = workspace.indices.matrix(n, 1)
    targets.fill(0)
    kernels.crossEntropyForward(
      workspace.arena.matrix(n, 1), probs: probs, logits: logits, targets: targets, gradient: c.gradient)
    return (probs, layers)
  }
}
