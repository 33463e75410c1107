import ReferenceKernels
import Testing

@testable import KernelVLM

/// The model at the seed-42 parameters on two synthetic images, against an independent implementation.
struct OracleTests {
  /// A model with the oracle's parameters, and a block with one of its images.
  struct Setting<K: Kernels> {
    let model: VisionLanguageModel<K>
    let workspace = Workspace<K.Scalar>()
    let block: Block<K.Scalar>
    let activations: Oracle

    init(_ image: String, kernels: K, _ change: (inout ModelConfiguration) -> Void = { _ in }) throws {
      var configuration = ModelConfiguration()
      configuration.reconstructionWeight = 0
      change(&configuration)
      model = try VisionLanguageModel(configuration, kernels: kernels)
      try Oracle("init-seed42").fill(model.buffer, model.table)
      activations = try Oracle("activations-init-\(image)")
      let name = try #require(activations.file.metadata["name"])
      block = workspace.block(
        texts: [try model.vocabulary.encode(name)], configuration: configuration, batch: 1)
      for (p, value) in try activations.values("x").enumerated() { block.x[0, p] = K.Scalar(value) }
    }

    /// The gradient of the loss, tensor by tensor.
    func gradient() -> [String: [Double]] {
      let buffer = Buffer<K.Scalar>(count: model.table.count)
      let gradient = Parameters(buffer, table: model.table, configuration: model.configuration)
      _ = model.lossAndGradient(
        block, gradient: gradient, batch: 1, accumulate: false, wantsReconstruction: false, &workspace.arena)
      var tensors: [String: [Double]] = [:]
      for entry in model.table.entries {
        tensors[entry.name] =
          buffer.matrix(at: entry.range.lowerBound, rows: 1, columns: entry.range.count).doubles
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
      for (drawn, expected) in zip(model.matrix(entry).doubles, try oracle.values(entry.name)) {
        #expect(abs(drawn - expected) <= expected.ulp, "\(entry.name)")
      }
    }
  }

  @Test(arguments: ["a", "b"])
  func activationsInDoubleAgree(image: String) throws {
    let s = try Setting(image, kernels: Reference<Double>())
    let vision = s.model.tokenizer.forward(s.block.x, reconstruction: true, &s.workspace.arena)
    let text = s.model.transformer.forward(s.block, base: vision.base, &s.workspace.arena)
    let c = s.model.configuration
    let embedding = Matrix(UnsafeMutablePointer<Double>.allocate(capacity: 1), rows: 0, columns: 0)
    _ = embedding
    let direct = vision.concatenated
    for (name, found) in [
      ("f1", vision.bae[0].unit), ("f2", vision.bae[1].unit), ("tensor_tokens", direct.columns(0..<12)),
      ("direct2", direct.columns(12..<20)), ("direct3", direct.columns(20..<28)), ("f", vision.f),
      ("vision_base", vision.base), ("logits", text.logits),
    ] {
      let e = relativeError(found.doubles, try s.activations.values(name))
      print(name, e)
      #expect(e <= 1e-9, "\(name)")
    }
    let all = try s.activations.values("attention_out")
    let rows = Array(all[c.features * 32..<(c.features + s.block.textRows) * 32])
    print("attn", relativeError(text.layers[0].attended.doubles, rows))
    let sum = s.model.loss(s.block, &s.workspace.arena)
    print(sum, s.activations.file.metadata)
  }

  @Test(arguments: ["a", "b"], ["exact", "exact-recon", "exact-dot", "published"])
  func gradientsInDoubleAgree(image: String, kind: String) throws {
    let s = try Setting(image, kernels: Reference<Double>()) {
      if kind == "exact-dot" { $0.attention = .dot }
      if kind == "published" { $0.gradient = .published }
      if kind == "exact-recon" { $0.reconstructionWeight = 0.01 }
    }
    let oracle = try Oracle("gradients-\(kind)-init-\(image)")
    var worst = 0.0
    for (name, found) in s.gradient() {
      let error = relativeError(found, try oracle.values(name))
      worst = max(worst, error)
      #expect(error <= 1e-9, "\(name)")
    }
    print(kind, image, worst)
  }
}
