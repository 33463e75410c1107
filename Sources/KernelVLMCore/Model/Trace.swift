import ReferenceKernels

/// How the model spelled one image: what it saw, what it looked at, and what else it might have written.
public struct Trace: Equatable, Sendable {
  /// One letter, or the end.
  public struct Step: Equatable, Sendable {
    /// The probability of each token of the vocabulary: V numbers whose sum is 1.
    public let distribution: [Double]
    /// For each layer and head the probabilities with which it attends to the positions before this step and to its own:
    /// F vision positions, then BOS and the letters so far. [layer][head][position].
    public let attention: [[[Double]]]
  }

  /// The word, its tokens and their probabilities.
  public let spelling: Spelling
  /// f: the F features of the image, of length 1.
  public let features: [Double]
  /// A step for each token of the spelling.
  public let steps: [Step]
}

extension VisionLanguageModel {
  /// Spells image `index` and keeps what led to it.
  /// - Throws: `ConfigurationError` if the image is smaller than the model's.
  public func trace(_ images: LabelledImages, _ index: Int) throws(ConfigurationError) -> Trace {
    let workspace = Workspace<Scalar>()
    defer { withExtendedLifetime(workspace) {} }
    let x = try input(images, index, workspace)
    let features = encoder.forward(x, reconstruction: false, &workspace.arena).f
    var steps: [Trace.Step] = []
    let H = configuration.heads
    let spellings = spell(x, workspace) { _, _, probs, layers in
      let keys = configuration.features + steps.count + 1
      let attention = layers.map { layer in
        (0..<H).map { layer.scores.attention(query: 0, of: 1, head: $0, of: H, keys: keys).map { Double($0) } }
      }
      steps.append(
        Trace.Step(distribution: (0..<probs.columns).map { Double(probs[0, $0]) }, attention: attention))
    }
    return Trace(
      spelling: spellings[0], features: (0..<features.columns).map { Double(features[0, $0]) }, steps: steps)
  }

  /// The probability that the model spells `name` for image `index`: the product over its letters and its end of the
  /// probability of each after those before it.
  /// - Throws: `ConfigurationError` if the image is smaller than the model's, for a letter that no name has, and for a name
  ///   that is longer than the model's text.
  public func probability(
    of name: String, _ images: LabelledImages, _ index: Int
  ) throws(ConfigurationError) -> Double {
    let text = try vocabulary.encode(name)
    guard text.count <= configuration.maximumTextLength else {
      throw ConfigurationError(
        "name", value: quoted(name),
        rule: "at most \(configuration.maximumTextLength - 2) letters, the model's longest text")
    }
    let workspace = Workspace<Scalar>()
    defer { withExtendedLifetime(workspace) {} }
    let x = try input(images, index, workspace)
    let microbatch = workspace.microbatch(texts: [text], configuration: configuration, batch: 1)
    microbatch.x.copy(from: x)
    let base = encoder.forward(microbatch.x, reconstruction: false, &workspace.arena).base
    let activations = transformer.forward(microbatch, base: base, &workspace.arena)
    var probability = 1.0
    for row in 0..<microbatch.textRows {
      probability *= Double(activations.probs[row, Int(microbatch.targets[row, 0])])
    }
    return probability
  }

  /// The input made of one image: (1, P).
  private func input(
    _ images: LabelledImages, _ index: Int, _ workspace: Workspace<Scalar>
  ) throws(ConfigurationError) -> Matrix<Scalar> {
    let x = workspace.arena.matrix(1, configuration.pixels)
    _ = try ImageInput(of: images.size, configuration)
      .forward(kernels, images, CollectionOfOne(index), weights: localWeights, into: x, &workspace.arena)
    return x
  }
}
