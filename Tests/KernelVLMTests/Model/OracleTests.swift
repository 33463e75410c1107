import ReferenceKernels
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

/// The model at the seed-42 parameters on two synthetic images, against an independent implementation.
struct OracleTests {
  /// A model with the oracle's parameters, and a block with one of its images.
  struct Setting<K: Kernels> {
    let model: VisionLanguageModel<K>
    let workspace = Workspace<K.Scalar>()
    let block: Microbatch<K.Scalar>
    let activations: Oracle

    /// - Parameter seed: if given, each parameter and pixel is moved by up to one ulp of Float, at random.
    init(
      _ image: String, kernels: K, disturbedBy seed: UInt32? = nil,
      _ change: (inout ModelConfiguration) -> Void = { _ in }
    ) throws {
      var configuration = ModelConfiguration()
      configuration.reconstructionWeight = 0
      change(&configuration)
      model = try VisionLanguageModel(configuration, kernels: kernels)
      try Oracle("init-seed42").fill(model.buffer, model.table)
      activations = try Oracle("activations-init-\(image)")
      let name = try #require(activations.file.metadata["name"])
      block = workspace.microbatch(
        texts: [try model.vocabulary.encode(name)], configuration: configuration, batch: 1)
      for (p, value) in try activations.values("x").enumerated() { block.x[0, p] = K.Scalar(value) }
      guard var random = seed.map(MersenneTwister.init) else { return }
      for matrix in [model.buffer.all, block.x] {
        for index in 0..<matrix.columns {
          matrix[0, index] *= K.Scalar(1 + Double(Float.ulpOfOne) * (2 * random.uniform() - 1))
        }
      }
    }

    /// The gradient of the loss, tensor by tensor.
    func gradient() -> [String: [K.Scalar]] {
      let gradient = Gradient<K.Scalar>(model.table, model.configuration)
      _ = model.lossAndGradient(
        block, gradient: gradient, batch: 1, accumulate: false, wantsReconstruction: false, &workspace.arena)
      var tensors: [String: [K.Scalar]] = [:]
      for entry in model.table.entries {
        tensors[entry.name] =
          gradient.buffer.matrix(at: entry.range.lowerBound, rows: 1, columns: entry.range.count).elements
      }
      return tensors
    }
  }

  @Test func initialParametersAreTheNumPyDraw() throws {
    let model = try VisionLanguageModel(ModelConfiguration(), kernels: Reference<Double>())
    #expect(model.table.count == 32_240)
    model.drawParameters(seed: 42)
    let oracle = try Oracle("init-seed42")
    for entry in model.table.entries {
      for (drawn, expected) in zip(model.matrix(entry).elements, try oracle.values(entry.name)) {
        #expect(abs(drawn - expected) <= expected.ulp, "\(entry.name)")
      }
    }
  }

  /// The activations that the oracle names, and both losses.
  func activations<K: Kernels>(_ s: Setting<K>) -> [String: [K.Scalar]] {
    let vision = s.model.encoder.forward(s.block.x, reconstruction: true, &s.workspace.arena)
    let text = s.model.transformer.forward(s.block, base: vision.base, &s.workspace.arena)
    let c = s.model.configuration
    let direct = c.tensorTokens..<c.tensorTokens + c.direct[0].count
    let loss = text.loss.elements
    return [
      "x": s.block.x.elements, "f1": vision.bae[0].unit.elements, "f2": vision.bae[1].unit.elements,
      "tensor_tokens": vision.concatenated.columns(0..<c.tensorTokens).elements,
      "direct2": vision.concatenated.columns(direct).elements,
      "direct3": vision.concatenated.columns(direct.upperBound..<c.features).elements, "f": vision.f.elements,
      "vision_base": vision.base.elements, "attention_out": text.layers[0].attended.elements,
      "logits": text.logits.elements, "text_loss": [loss.reduce(0, +) / K.Scalar(loss.count)],
      "recon": vision.reconstruction.elements,
    ]
  }

  /// What the oracle says of `name`. Of the attention's output it has every position; the model computes those that
  /// predict.
  func expected<K: Kernels>(_ name: String, _ s: Setting<K>) throws -> [Double] {
    if let loss = s.activations.file.metadata[name] { return [try #require(Double(loss))] }
    let values = try s.activations.values(name)
    guard name == "attention_out" else { return values }
    let width = s.model.configuration.width
    let first = s.model.configuration.features
    return Array(values[first * width..<(first + s.block.textRows) * width])
  }

  @Test(arguments: ["a", "b"])
  func activationsInDoubleAgree(image: String) throws {
    let setting = try Setting(image, kernels: Reference<Double>())
    for (name, values) in activations(setting) {
      #expect(relativeError(values, try expected(name, setting)) <= 1e-9, "\(name)")
    }
  }

  @Test(arguments: ["a", "b"], InstructionSet.available)
  func activationsInCAgree(image: String, instructionSet: InstructionSet) throws {
    let setting = try Setting(image, kernels: try #require(CKernels(instructionSet)))
    let samples = try (1...8).map { seed in
      activations(try Setting(image, kernels: Reference<Float>(), disturbedBy: UInt32(seed)))
    }
    for (name, values) in activations(setting) {
      let expected = try expected(name, setting)
      let bound = roundingBound(samples.compactMap { $0[name] }, expected)
      #expect(relativeError(values, expected) <= bound, "\(name)")
      #expect(bound < 1e-3, "the bound of \(name) sees nothing")
    }
  }

  static let gradientKinds = ["exact", "exact-recon", "exact-dot", "published"]

  func change(_ configuration: inout ModelConfiguration, to kind: String) {
    configuration.attention = kind == "exact-dot" ? .dot : .tensor
    configuration.gradient = kind == "published" ? .published : .exact
    configuration.reconstructionWeight = kind == "exact-recon" ? 0.01 : 0
  }

  @Test(arguments: ["a", "b"], gradientKinds)
  func gradientsInDoubleAgree(image: String, kind: String) throws {
    let gradient = try Setting(image, kernels: Reference<Double>()) { change(&$0, to: kind) }.gradient()
    let oracle = try Oracle("gradients-\(kind)-init-\(image)")
    #expect(gradient.count == oracle.file.tensors.count)
    for (name, values) in gradient {
      #expect(relativeError(values, try oracle.values(name)) <= 1e-9, "\(name)")
    }
    let other = try Oracle("gradients-\(kind == "exact" ? "published" : "exact")-init-\(image)")
    let embedding = try #require(gradient["wte"])
    if kind != "exact-recon" { #expect(relativeError(embedding, try other.values("wte")) > 1e-9) }
  }

  @Test(arguments: ["a", "b"], gradientKinds)
  func gradientsInCAgree(image: String, kind: String) throws {
    let oracle = try Oracle("gradients-\(kind)-init-\(image)")
    let samples = try (1...8).map { seed in
      try Setting(image, kernels: Reference<Float>(), disturbedBy: UInt32(seed)) { change(&$0, to: kind) }.gradient()
    }
    for kernels in InstructionSet.available.compactMap({ CKernels($0) }) {
      for (name, values) in try Setting(image, kernels: kernels, { change(&$0, to: kind) }).gradient() {
        let expected = try oracle.values(name)
        let bound = roundingBound(samples.compactMap { $0[name] }, expected)
        #expect(relativeError(values, expected) <= bound, "\(name), \(kernels.instructionSet)")
        #expect(bound < 1e-2, "the bound of \(name) sees nothing")
      }
    }
  }
}
