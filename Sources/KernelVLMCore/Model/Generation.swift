import ReferenceKernels

/// A word that the model spelled, and how sure it was of each token.
public struct Spelling: Equatable, Sendable {
  /// The letters, without BOS and EOS.
  public let word: String
  /// Every token that was generated, a final EOS included, and its probability.
  public let tokens: [Int32]
  /// The probability of each of these tokens after those before it.
  public let probabilities: [Double]
  /// How sure the whole word is: the product of the probabilities of its tokens.
  public var probability: Double { probabilities.reduce(1, *) }
  /// Words of at least this probability are sure. Of digits like MNIST's the model of `Preset.lean` is less sure of 2 in 100,
  /// of letters and scribbles, which it spells all the same, of 40 (Benchmarks/Pictures).
  public static let sure = 0.9
  /// Whether they are probabilities at all: weights that are too large make NaN of them, and then the word means nothing.
  public var isFinite: Bool { probabilities.allSatisfy { $0.isFinite } }
}

extension VisionLanguageModel {
  /// Spells the images `range`, the same for any number of threads.
  /// - Throws: `ConfigurationError` if the images are smaller than the model's.
  @specialized(where K == CKernels)
  @specialized(where K == Reference<Float>)
  @specialized(where K == Reference<Double>)
  public func spell(
    _ images: LabelledImages, _ range: Range<Int>, threads: Int = 1
  ) throws(ConfigurationError) -> [Spelling] {
    let input = try ImageInput(of: images.size, configuration)
    let imagesPerPass = imagesPerPass(most: 128)
    let passes = stride(from: range.lowerBound, to: range.upperBound, by: imagesPerPass).map {
      $0..<min($0 + imagesPerPass, range.upperBound)
    }
    let threads = max(1, min(threads, passes.count))
    let workspaces = (0..<threads).map { _ in Workspace<Scalar>() }
    var spellings = [[Spelling]](repeating: [], count: passes.count)
    spellings.withUnsafeMutableBufferPointer { spellings in
      parallel(count: passes.count, threads: threads) { index, thread in
        let workspace = workspaces[thread]
        workspace.reset()
        let x = workspace.arena.matrix(passes[index].count, configuration.pixels)
        _ = input.forward(kernels, images, passes[index], weights: localWeights, into: x, &workspace.arena)
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
    var memory = transformer.memory(of: base, x: x, workspace)
    // What each image has got so far; of `lengths` steps.
    let tokens = workspace.indices.matrix(x.rows, c.maximumTextLength)
    let probabilities = workspace.arena.matrix(x.rows, c.maximumTextLength)
    var lengths = [Int](repeating: 0, count: x.rows)
    var prefixes = Prefixes(images: x.rows, token: vocabulary.bos, areShared: c.layers == 1)

    for step in 0..<c.maximumTextLength where !prefixes.images.isEmpty {
      let (probs, layers) = transformer.next(prefixes, step: step, &memory, workspace)
      observe(step, prefixes.images, probs, layers)
      for (row, image) in prefixes.images.enumerated() {
        let next = (1..<probs.columns).reduce(0) { probs[row, $1] > probs[row, $0] ? $1 : $0 }
        tokens[image, step] = Int32(next)
        probabilities[image, step] = probs[row, next]
        lengths[image] = step + 1
      }
      prefixes.extend { tokens[$0, step] < vocabulary.bos ? tokens[$0, step] : nil }
    }
    return lengths.enumerated().map { image, length in
      let spelled = (0..<length).map { tokens[image, $0] }
      return Spelling(
        word: vocabulary.decode(spelled), tokens: spelled,
        probabilities: (0..<length).map { Double(probabilities[image, $0]) })
    }
  }
}

/// What the images that are being spelled have got so far. Where prefixes are shared, as in a model of one layer, images
/// with the same tokens are a run; else each image is a run of its own.
struct Prefixes {
  struct Run {
    var images: Int
    /// The run of the step before that this one goes on from.
    let previous: Int
    /// What it goes on with.
    let token: Int32
  }

  let areShared: Bool
  /// The images that are not done, run after run.
  private(set) var images: [Int]
  private(set) var runs: [Run]

  /// All images with nothing but `token`.
  init(images count: Int, token: Int32, areShared: Bool) {
    self.areShared = areShared
    images = Array(0..<count)
    runs =
      areShared && count > 0
      ? [Run(images: count, previous: 0, token: token)]
      : images.map { Run(images: 1, previous: $0, token: token) }
  }

  /// Goes on with the next token of each image; one that has none is done.
  mutating func extend(by next: (Int) -> Int32?) {
    var extended: [(previous: Int, token: Int32, image: Int)] = []
    extended.reserveCapacity(images.count)
    var first = 0
    for (previous, run) in runs.enumerated() {
      for image in images[first..<first + run.images] {
        if let token = next(image) { extended.append((previous, token, image)) }
      }
      first += run.images
    }
    if areShared { extended.sort { $0 < $1 } }
    images = extended.map { $0.image }
    runs.removeAll(keepingCapacity: true)
    for (previous, token, _) in extended {
      if areShared, let last = runs.last, last.previous == previous, last.token == token {
        runs[runs.count - 1].images += 1
      } else {
        runs.append(Run(images: 1, previous: previous, token: token))
      }
    }
  }
}

extension Transformer {
  /// What a step of generation looks back to.
  struct Memory {
    /// In a model of one layer, of all images.
    let factors: VisionFactors<Scalar>?
    /// In one of several, for each layer the vision positions' keys and values: (B F, 2 D).
    let vision: [Matrix<Scalar>]
    /// For each layer keys and values of the text so far, run after run: (runs · steps, 2 D).
    var text: [Matrix<Scalar>]
  }

  /// That of the vision positions alone.
  func memory(of base: Matrix<Scalar>, x: Matrix<Scalar>, _ workspace: Workspace<Scalar>) -> Memory {
    let nothing = workspace.arena.matrix(0, 2 * configuration.width)
    let text = [Matrix<Scalar>](repeating: nothing, count: configuration.layers)
    if configuration.layers == 1 {
      return Memory(factors: visionFactorsForward(base, &workspace.arena), vision: [], text: text)
    }
    let activations = forward(workspace.microbatch(x: x), base: base, &workspace.arena)
    return Memory(factors: nil, vision: activations.layers.map { $0.kv }, text: text)
  }

  /// One step of generation: the probabilities (images, V) of what follows the last tokens of `prefixes`, which stand at
  /// text position `step`; and what each layer kept. Adds their keys and values to the memory.
  func next(
    _ prefixes: Prefixes, step: Int, _ memory: inout Memory, _ workspace: Workspace<Scalar>
  ) -> (probs: Matrix<Scalar>, layers: [Activations.Layer]) {
    let c = configuration
    let (n, r) = (prefixes.images.count, prefixes.runs.count)
    let (tokens, positions) = (workspace.indices.matrix(r, 1), workspace.indices.matrix(r, 1))
    let index = workspace.indices.matrix(n, 1)
    positions.fill(Int32(c.features + step))
    var row = 0
    for (run, prefix) in prefixes.runs.enumerated() {
      tokens[run, 0] = prefix.token
      index.rows(row..<row + prefix.images).fill(Int32(run))
      row += prefix.images
    }

    let (normed, h) = (workspace.arena.matrix(r, c.width), workspace.arena.matrix(n, c.width))
    embeddingForward(
      normed, rms: workspace.arena.matrix(r, 1), base: normed.rows(0..<0), tokens: tokens, positions: positions,
      &workspace.arena)
    kernels.gatherForward(h, x: normed, index: index)
    var layers: [Activations.Layer] = []
    for (layer, weights) in parameters.layers.enumerated() {
      let scores = self.scores(prefixes, step: step, memory, workspace)
      let a = self.layer(keys: r, queries: r, outputs: n, scores: scores, &workspace.arena)
      projectionForward(weights, a, layer == 0 ? normed : h, queries: 0..<r)
      let text = extended(memory.text[layer], by: a.kv, prefixes, step: step, &workspace.arena)
      memory.text[layer] = text
      switch scores {
      case .ofRuns(let scores): runAttentionForward(a.attended, scores, q: a.q, text: text, &workspace.arena)
      case .ofImages(let scores, _):
        for (row, image) in prefixes.images.enumerated() {
          imageAttentionForward(
            a, scores, QueryRows(scores: row..<row + 1, queries: row..<row + 1),
            KeyValues(
              vision: memory.vision[layer].rows(image * c.features..<(image + 1) * c.features),
              text: text.rows(row * (step + 1)..<(row + 1) * (step + 1))))
        }
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

  /// Room for a step's scores; those of runs with the vision factors of the images that are not done.
  private func scores(
    _ prefixes: Prefixes, step: Int, _ memory: Memory, _ workspace: Workspace<Scalar>
  ) -> Scores {
    guard let all = memory.factors else {
      return imageScores(textQueries: prefixes.images.count, visionQueries: 0, &workspace.arena)
    }
    let n = prefixes.images.count
    let index = workspace.indices.matrix(n, 1)
    for (row, image) in prefixes.images.enumerated() { index[row, 0] = Int32(image) }
    let factors = VisionFactors(
      images: workspace.arena.matrix(n, all.images.columns), positions: all.positions,
      scale: workspace.arena.matrix(n, all.scale.columns))
    kernels.gatherForward(factors.images, x: all.images, index: index)
    kernels.gatherForward(factors.scale, x: all.scale, index: index)
    let runs = workspace.indices.matrix(prefixes.runs.count, 3)
    for (row, run) in prefixes.runs.enumerated() {
      (runs[row, 0], runs[row, 1], runs[row, 2]) = (Int32(run.images), 1, Int32(step + 1))
    }
    return .ofRuns(runScores(factors, runs, &workspace.arena))
  }

  /// The text of the runs so far, `step` rows each, and behind them the row that each adds.
  private func extended(
    _ text: Matrix<Scalar>, by kv: Matrix<Scalar>, _ prefixes: Prefixes, step: Int, _ arena: inout Arena<Scalar>
  ) -> Matrix<Scalar> {
    let extended = arena.matrix(prefixes.runs.count * (step + 1), kv.columns)
    for (run, prefix) in prefixes.runs.enumerated() {
      let first = run * (step + 1)
      extended.rows(first..<first + step).copy(from: text.rows(prefix.previous * step..<(prefix.previous + 1) * step))
      extended.rows(first + step..<first + step + 1).copy(from: kv.rows(run..<run + 1))
    }
    return extended
  }
}
