import ReferenceKernels

/// A model that sees an image and spells its name: a configuration, its parameters, and the kernels that compute with
/// them.
public struct VisionLanguageModel<K: Kernels>: Sendable {
  /// The numbers that its kernels compute with.
  public typealias Scalar = K.Scalar

  /// Its shape and its loss.
  public let configuration: ModelConfiguration
  /// The tokens of its names.
  public let vocabulary: Vocabulary
  /// The names and shapes of its parameters.
  public let table: ParameterTable
  /// What it is computed with.
  public let kernels: K
  /// What shares the images of a batch between threads.
  public let parallel: Parallel
  /// All parameters, as the table lists them.
  public let buffer: Buffer<Scalar>
  /// Of each local stage left above right.
  var localWeights: [Matrix<Scalar>] { encoder.parameters.local }
  let encoder: VisionEncoder<K>
  let transformer: Transformer<K>

  /// A model whose parameters are all zero.
  /// - Throws: `ConfigurationError` if the configuration cannot be built.
  public init(
    _ configuration: ModelConfiguration, kernels: K, parallel: Parallel = .serial
  ) throws(ConfigurationError) {
    try configuration.validate()
    self.parallel = parallel
    self.configuration = configuration
    self.kernels = kernels
    vocabulary = try Vocabulary(names: configuration.names)
    table = try ParameterTable(configuration, vocabularySize: vocabulary.size)
    buffer = Buffer(count: table.count)
    let parameters = Parameters(buffer, table: table, configuration: configuration)
    encoder = VisionEncoder(kernels: kernels, configuration: configuration, parameters: parameters)
    transformer = Transformer(kernels: kernels, configuration: configuration, parameters: parameters)
  }

  /// Draws every parameter from the legacy NumPy stream: RandomState(seed).randn(rows, columns) · deviation, tensor by
  /// tensor in the order of the table.
  public func drawParameters(seed: UInt32) {
    var random = MersenneTwister(seed: seed)
    for entry in table.entries {
      let tensor = matrix(entry)
      for row in 0..<entry.rows {
        for column in 0..<entry.columns { tensor[row, column] = Scalar(random.gaussian() * entry.deviation) }
      }
    }
  }

  /// Images that go through the model together: as many as `most`, or fewer of large ones, so that their maps stay within
  /// some megabytes. Depends on nothing but the configuration.
  func imagesPerPass(most: Int) -> Int {
    let shapes = configuration.localShapes
    let values = shapes.reduce(configuration.imageSize.pixels) { max($0, 3 * $1.outputValues) }
    return max(1, min(most, (1 << 22) / values))
  }

  /// The parameters of one tensor.
  public func matrix(_ entry: ParameterTable.Entry) -> Matrix<Scalar> {
    buffer.matrix(at: entry.range.lowerBound, rows: entry.rows, columns: entry.columns)
  }
}

/// What a pass through some images gives: sums over them, to be divided by their number.
struct LossSum {
  /// Σ over images of the mean of −log p over what the image's name predicts.
  var text = 0.0
  /// Σ over images of the reconstruction error.
  var reconstruction = 0.0

  mutating func add(_ other: LossSum) {
    text += other.text
    reconstruction += other.reconstruction
  }
}

extension VisionLanguageModel {
  /// Forward and backward of one microbatch: writes the gradient of the loss, or adds it with `accumulate`.
  ///
  /// The loss is the mean over the batch of text + reconstructionWeight · reconstruction. The published gradient leaves
  /// the second term out, though it is reported.
  /// - Parameters:
  ///   - dx: overwritten with the gradient by the input (B, P), if that is wanted: if a stage of the input learns.
  ///   - batch: images that the loss is a mean over, as given when it was laid out.
  @specialized(where K == CKernels)
  @specialized(where K == Reference<Float>)
  @specialized(where K == Reference<Double>)
  func lossAndGradient(
    _ microbatch: Microbatch<Scalar>, gradient: Gradient<Scalar>, dx: Matrix<Scalar>? = nil, batch: Int,
    accumulate: Bool, wantsReconstruction: Bool, _ arena: inout Arena<Scalar>
  ) -> LossSum {
    if !accumulate { gradient.reset() }
    let hasReconstructionGradient = configuration.gradient == .exact && configuration.reconstructionWeight > 0
    let vision = encoder.forward(
      microbatch.x, reconstruction: wantsReconstruction || hasReconstructionGradient, &arena)
    let text = transformer.forward(microbatch, base: vision.base, &arena)

    let dbase = arena.matrix(microbatch.images, configuration.width)
    transformer.backward(
      gradient.matrices, dbase: dbase, base: vision.base, microbatch: microbatch, activations: text,
      accumulate: accumulate,
      &arena)
    encoder.backward(
      gradient, dbase: dbase, dx: dx, x: microbatch.x, activations: vision,
      reconstructionWeight: hasReconstructionGradient ? Scalar(configuration.reconstructionWeight) / Scalar(batch) : 0,
      accumulate: accumulate, &arena)
    return lossSum(microbatch, vision: vision, text: text)
  }

  /// The loss of a microbatch, forward only.
  @specialized(where K == CKernels)
  @specialized(where K == Reference<Float>)
  @specialized(where K == Reference<Double>)
  func loss(_ microbatch: Microbatch<Scalar>, _ arena: inout Arena<Scalar>) -> LossSum {
    let vision = encoder.forward(microbatch.x, reconstruction: true, &arena)
    return lossSum(microbatch, vision: vision, text: transformer.forward(microbatch, base: vision.base, &arena))
  }

  private func lossSum(
    _ microbatch: Microbatch<Scalar>, vision: VisionEncoder<K>.Activations, text: Transformer<K>.Activations
  ) -> LossSum {
    var sum = LossSum()
    for image in 0..<microbatch.images {
      let rows = microbatch.text(image)
      var total = 0.0
      for row in rows { total += Double(text.loss[row, 0]) }
      sum.text += total / Double(rows.count)
      sum.reconstruction += Double(vision.reconstruction[image, 0])
    }
    return sum
  }
}
