import ReferenceKernels
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

/// Models with local stages at the seed-42 parameters on two synthetic images, against an independent implementation.
struct LocalOracleTests {
  /// The oracle's names of the presets, and with `padded` of a model of other numbers.
  static let models = ["local", "local-lean", "local-tiny"]

  static func configuration(_ name: String) -> ModelConfiguration {
    switch name {
    case "local-lean": return Preset.lean.configuration
    case "local-tiny": return Preset.tiny.configuration
    case "local-padded":
      var c = Preset.local.configuration
      c.stages = [
        .init(channels: 6, kernel: 5, stride: 3, padding: 1), .init(channels: 10, kernel: 3, stride: 2, padding: 1),
      ]
      (c.baseFeatures, c.tensorTokens, c.mlpRatio) = (6, 5, 2)
      c.direct = [.init(degree: 2, count: 4), .init(degree: 3, count: 3)]
      return c
    default: return Preset.local.configuration
    }
  }

  /// A model with the oracle's parameters, one of its images, and what the stages make of it.
  struct Setting<K: Kernels> {
    let model: VisionLanguageModel<K>
    let workspace = Workspace<K.Scalar>()
    let input: ImageInput
    let block: Microbatch<K.Scalar>
    let seen: ImageInput.Activations<K.Scalar>
    let oracle: Oracle

    /// - Parameter seed: if given, each parameter and pixel is moved by up to one ulp of Float, at random.
    init(_ name: String, image: String, kernels: K, disturbedBy seed: UInt32? = nil) throws {
      let c = LocalOracleTests.configuration(name)
      model = try VisionLanguageModel(c, kernels: kernels)
      try Oracle("\(name)-init-seed42").fill(model.buffer, model.table)
      oracle = try Oracle("\(name)-activations-\(image)")
      input = try ImageInput(of: c.imageSize, c)
      let text = try model.vocabulary.encode(#require(oracle.file.metadata["name"]))
      block = workspace.microbatch(texts: [text], configuration: c, batch: 1)
      let pixels = workspace.arena.matrix(1, c.imageSize.pixels)
      for (p, value) in try oracle.values("pixels").enumerated() { pixels[0, p] = K.Scalar(value) }
      if var random = seed.map(MersenneTwister.init) {
        for matrix in [model.buffer.all, pixels] {
          for index in 0..<matrix.columns {
            matrix[0, index] *= K.Scalar(1 + Double(Float.ulpOfOne) * (2 * random.uniform() - 1))
          }
        }
      }
      seen = input.forward(
        kernels, pixels: pixels, weights: model.localWeights, into: block.x, &workspace.arena)
    }

    /// The activations that the oracle names, and its loss; with `stagesAlone` those of the stages.
    func activations(stagesAlone: Bool = false) -> [String: [K.Scalar]] {
      var values = ["x": block.x.elements, "local.1": seen.stages[1].map.elements]
      // What the unit norm undoes.
      values["local.2"] = block.x.elements.map { $0 * (seen.norm[0, 0] + 1e-8) }
      guard !stagesAlone else { return values }
      let vision = model.encoder.forward(block.x, reconstruction: false, &workspace.arena)
      let text = model.transformer.forward(block, base: vision.base, &workspace.arena)
      let loss = text.loss.elements
      values["f"] = vision.f.elements
      values["vision_base"] = vision.base.elements
      values["logits"] = text.logits.elements
      values["text_loss"] = [loss.reduce(0, +) / K.Scalar(loss.count)]
      return values
    }

    func expected(_ name: String) throws -> [Double] {
      try oracle.file.metadata[name].map { [try #require(Double($0))] } ?? oracle.values(name)
    }

    /// The gradient of the loss, tensor by tensor.
    func gradient() -> [String: [K.Scalar]] {
      let gradient = Gradient<K.Scalar>(model.table, model.configuration)
      let dx = workspace.arena.matrix(1, block.x.columns)
      _ = model.lossAndGradient(
        block, gradient: gradient, dx: dx, batch: 1, accumulate: false, wantsReconstruction: false, &workspace.arena)
      input.backward(
        model.kernels, dweights: gradient.matrices.local, dx: dx, activations: seen, weights: model.localWeights,
        accumulate: false, &workspace.arena)
      return Dictionary(
        uniqueKeysWithValues: model.table.entries.map { entry in
          let row = gradient.buffer.matrix(at: entry.range.lowerBound, rows: 1, columns: entry.range.count)
          return (entry.name, row.elements)
        })
    }
  }

  /// To two units of the last place: one that the logarithm's own may do, and one of the roundings behind it.
  @Test(arguments: models) func initialParametersAreTheNumPyDraw(name: String) throws {
    let model = try VisionLanguageModel(Self.configuration(name), kernels: Reference<Double>())
    #expect(model.table.count == ["local": 32_576, "local-lean": 20_784, "local-tiny": 6_720][name])
    model.drawParameters(seed: 42)
    let oracle = try Oracle("\(name)-init-seed42")
    #expect(model.table.entries.count == oracle.file.tensors.count)
    for entry in model.table.entries {
      for (drawn, expected) in zip(model.matrix(entry).elements, try oracle.values(entry.name)) {
        #expect(abs(drawn - expected) <= 2 * expected.ulp, "\(entry.name)")
      }
    }
  }

  @Test(arguments: models, ["a", "b"])
  func activationsInDoubleAgree(name: String, image: String) throws {
    let setting = try Setting(name, image: image, kernels: Reference<Double>())
    for (what, values) in setting.activations() {
      #expect(relativeError(values, try setting.expected(what)) <= 1e-9, "\(what)")
    }
  }

  /// With a border of zeros. What stands behind the stages is another model's.
  @Test(arguments: ["a", "b"]) func paddedStagesInDoubleAgree(image: String) throws {
    let setting = try Setting("local-padded", image: image, kernels: Reference<Double>())
    for (what, values) in setting.activations(stagesAlone: true) {
      #expect(relativeError(values, try setting.expected(what)) <= 1e-9, "\(what)")
    }
  }

  @Test(arguments: models, ["a", "b"])
  func gradientsInDoubleAgree(name: String, image: String) throws {
    let gradient = try Setting(name, image: image, kernels: Reference<Double>()).gradient()
    let oracle = try Oracle("\(name)-gradients-\(image)")
    #expect(gradient.count == oracle.file.tensors.count)
    for (tensor, values) in gradient {
      #expect(relativeError(values, try oracle.values(tensor)) <= 1e-9, "\(tensor)")
    }
  }

  @Test(arguments: models, ["a", "b"])
  func allOfItInCAgrees(name: String, image: String) throws {
    let oracle = try Oracle("\(name)-gradients-\(image)")
    let disturbed = try (1...8).map { seed in
      try Setting(name, image: image, kernels: Reference<Float>(), disturbedBy: UInt32(seed))
    }
    let (activations, gradients) = (disturbed.map { $0.activations() }, disturbed.map { $0.gradient() })
    for kernels in InstructionSet.available.compactMap({ CKernels($0) }) {
      let setting = try Setting(name, image: image, kernels: kernels)
      for (what, values) in setting.activations() {
        let expected = try setting.expected(what)
        let bound = roundingBound(activations.compactMap { $0[what] }, expected)
        #expect(relativeError(values, expected) <= bound, "\(what), \(kernels.instructionSet)")
        #expect(bound < 1e-3, "the bound of \(what) sees nothing")
      }
      for (tensor, values) in setting.gradient() {
        let expected = try oracle.values(tensor)
        let bound = roundingBound(gradients.compactMap { $0[tensor] }, expected)
        #expect(relativeError(values, expected) <= bound, "\(tensor), \(kernels.instructionSet)")
        #expect(bound < 1e-2, "the bound of \(tensor) sees nothing")
      }
    }
  }
}
