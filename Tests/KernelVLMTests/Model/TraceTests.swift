import ReferenceKernels
import Testing

@testable import KernelVLMCore

/// What led to a word, and images as a library's user has them.
@Suite struct TraceTests {
  private func model<K: Kernels>(_ kernels: K, layers: Int = 1) throws -> VisionLanguageModel<K> {
    var configuration = ModelConfiguration()
    configuration.layers = layers
    let model = try VisionLanguageModel(configuration, kernels: kernels)
    model.drawParameters(seed: 7)
    return model
  }

  /// f of one image, by the encoder alone.
  private func features<K: Kernels>(
    _ model: VisionLanguageModel<K>, _ images: LabelledImages, _ index: Int
  ) throws -> [Double] {
    let workspace = Workspace<K.Scalar>()
    let x = workspace.arena.matrix(1, model.configuration.pixels)
    _ = try ImageInput(of: images.size, model.configuration)
      .forward(model.kernels, images, CollectionOfOne(index), weights: [], into: x, &workspace.arena)
    let f = model.encoder.forward(x, reconstruction: false, &workspace.arena).f
    return withExtendedLifetime(workspace) { f.elements.map { Double($0) } }
  }

  @Test(arguments: [1, 2, 3]) func aTraceExplainsTheSpelling(layers: Int) throws {
    let images = DrawnDigits().images(.test, 0..<4)
    let model = try model(Reference<Double>(), layers: layers)
    let c = model.configuration
    for index in 0..<4 {
      let trace = try model.trace(images, index)
      #expect(try [trace.spelling] == model.spell(images, index..<index + 1))
      #expect(try trace.features == features(model, images, index))
      #expect(trace.steps.count == trace.spelling.tokens.count)
      for (position, step) in trace.steps.enumerated() {
        let token = Int(trace.spelling.tokens[position])
        #expect(step.distribution.count == model.vocabulary.size)
        #expect(abs(step.distribution.reduce(0, +) - 1) < 1e-12)
        #expect(step.distribution[token] == trace.spelling.probabilities[position])
        #expect(step.distribution.max() == step.distribution[token])
        #expect(step.attention.count == layers && step.attention.allSatisfy { $0.count == c.heads })
        for head in step.attention.flatMap({ $0 }) {
          #expect(head.count == c.features + position + 1 && abs(head.reduce(0, +) - 1) < 1e-12)
        }
      }
    }
  }

  /// What a step saw, and what it might have written, is what its position sees if all letters are put through the
  /// model at once.
  @Test(arguments: [1, 2]) func aTraceIsThatOfAllLettersAtOnce(layers: Int) throws {
    let images = DrawnDigits().images(.test, 0..<3)
    let model = try model(Reference<Double>(), layers: layers)
    let c = model.configuration
    for index in 0..<3 {
      let trace = try model.trace(images, index)
      let n = trace.steps.count
      let workspace = Workspace<Double>()
      defer { withExtendedLifetime(workspace) {} }
      let microbatch = workspace.microbatch(
        texts: [[model.vocabulary.bos] + trace.spelling.tokens], configuration: c, batch: 1)
      _ = try ImageInput(of: images.size, c)
        .forward(model.kernels, images, CollectionOfOne(index), weights: [], into: microbatch.x, &workspace.arena)
      let base = model.encoder.forward(microbatch.x, reconstruction: false, &workspace.arena).base
      let activations = model.transformer.forward(microbatch, base: base, &workspace.arena)
      for (position, step) in trace.steps.enumerated() {
        let expected = (0..<activations.probs.columns).map { activations.probs[position, $0] }
        #expect(relativeError(step.distribution, expected) < 1e-12, "step \(position)")
        for (layer, heads) in zip(activations.layers, step.attention) {
          for (head, attention) in heads.enumerated() {
            let expected = layer.scores.attention(
              query: position, of: n, head: head, of: c.heads, keys: c.features + n)
            #expect(relativeError(attention, Array(expected.prefix(attention.count))) < 1e-12, "\(position), \(head)")
          }
        }
      }
    }
  }

  /// The same product by another way: step by step with keys that are kept, and all letters at once.
  @Test func theProbabilityOfTheWordIsTheProductOfItsLetters() throws {
    let images = DrawnDigits().images(.test, 0..<40)
    var configuration = ModelConfiguration()
    configuration.maximumTextLength = 12
    let model = try VisionLanguageModel(configuration, kernels: Reference<Double>())
    model.drawParameters(seed: 3)
    var recipe = Recipe()
    recipe.steps = 300
    let trainer = try Trainer(model, recipe: recipe, images: DrawnDigits().images(.train, 0..<300))
    for _ in 0..<300 { _ = try trainer.step() }
    var ended = 0
    for index in 0..<40 {
      let trace = try model.trace(images, index)
      guard trace.spelling.tokens.last == model.vocabulary.eos, trace.spelling.word.count + 2 <= 12 else { continue }
      ended += 1
      let product = trace.spelling.probabilities.reduce(1, *)
      let probability = try model.probability(of: trace.spelling.word, images, index)
      // Some hundred operations a letter, each within 2⁻⁵³.
      #expect(abs(probability - product) < 1e-10 * product)
    }
    #expect(ended > 0)
  }

  @Test func aNameThatCannotBeSpelledIsRefused() throws {
    let images = DrawnDigits().images(.test, 0..<1)
    let model = try model(CKernels())
    let long = #expect(throws: ConfigurationError.self) { try model.probability(of: "onetwothree", images, 0) }
    #expect(long?.rule == "at most 6 letters, the model's longest text")
    let unknown = #expect(throws: ConfigurationError.self) { try model.probability(of: "qq", images, 0) }
    #expect(unknown?.setting == "letter of qq")
  }

  @Test(arguments: [
    (783, ImageSize(28, 28), 1, "number of bytes is 783, must be a multiple of 784, the pixels of an image"),
    (783, ImageSize(3, 260), 1, "number of bytes is 783, must be a multiple of 780, the pixels of an image"),
    (784, ImageSize(0, 28), 1, "height of the images is 0, must be 1 to 1024"),
    (784, ImageSize(28, 0), 1, "width of the images is 0, must be 1 to 1024"),
    (784, ImageSize(1025, 1), 1, "height of the images is 1025, must be 1 to 1024"),
    (784, ImageSize(1, 1025), 1, "width of the images is 1025, must be 1 to 1024"),
    (784, ImageSize(28, 28), 2, "number of labels is 2, must be 1, one for each image"),
  ])
  func bytesThatAreNoImagesAreRefused(count: Int, size: ImageSize, labels: Int, message: String) {
    let error = #expect(throws: ConfigurationError.self) {
      try LabelledImages(
        bytes: [UInt8](repeating: 0, count: count), size: size, labels: [UInt8](repeating: 0, count: labels))
    }
    #expect(error?.description == message)
  }

  @Test func aLabelThatIsNoNamesIsRefused() {
    let error = #expect(throws: ConfigurationError.self) {
      try LabelledImages(bytes: [0, 0], size: ImageSize(1, 1), labels: [3, 4], names: 4)
    }
    #expect(error?.description == "label is 4, must be below the number of names, 4")
  }

  @Test func imagesWithoutLabelsAreSpelledAndNotTrainedOn() throws {
    let drawn = DrawnDigits().images(.test, 0..<3)
    let images = try LabelledImages(bytes: drawn.images, size: ImageSize(28, 28))
    let model = try model(CKernels())
    #expect(images.count == 3 && images.labels.isEmpty)
    #expect(try model.spell(images, 0..<3) == model.spell(drawn, 0..<3))
    let error = #expect(throws: ConfigurationError.self) { try Trainer(model, recipe: Recipe(), images: images) }
    #expect(error?.description == "labels is none, must be one for each training image")
  }

  @Test func aStepPastTheSchedulesEndThrows() throws {
    var recipe = Recipe()
    recipe.steps = 2
    recipe.scheduleSteps = 2
    let trainer = try Trainer(try model(CKernels()), recipe: recipe, images: DrawnDigits().images(.train, 0..<2))
    for _ in 0..<2 { _ = try trainer.step() }
    let before = trainer.model.buffer.values
    #expect(throws: TrainingError.scheduleEnded(step: 2)) { try trainer.step() }
    #expect(trainer.model.buffer.values == before && trainer.stepsDone == 2)
    #expect([0, 1, 2, 3, 1000].map { recipe.learningRate(at: $0) } == [0.003, 0.0015, 0, 0, 0])
  }
}
