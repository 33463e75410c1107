import ReferenceKernels
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

extension Workspace {
  /// Leaves NaN, and indices of nothing, in all memory that a pass through a model will get.
  func spoil() {
    reset()
    for _ in 0..<16 { arena.matrix(1, 1 << 18).fill(.nan) }
    for _ in 0..<4 { indices.matrix(1, 1 << 16).fill(.max) }
    reset()
  }
}

/// What a workspace held before does not matter: a model gives the same bits in memory full of NaN as in new memory, which
/// is zero.
struct UsedMemoryTests {
  /// One layer and several, both scores, and features without a reconstruction.
  static let models: [@Sendable (inout ModelConfiguration) -> Void] = [
    { _ in },
    { $0.attention = .dot },
    { $0.layers = 2 },
    {
      $0.layers = 3
      $0.attention = .dot
    },
    { $0.layers = 3 },
    {
      $0.direct = [.init(degree: 3, count: 8)]
      $0.reconstructionWeight = 0
    },
    {
      $0.direct = []
      $0.reconstructionWeight = 0
      $0.layers = 2
    },
    {
      $0.tensorTokens = 0
      $0.gradient = .published
      $0.layers = 2
    },
  ]

  private func results<K: Kernels>(
    _ model: VisionLanguageModel<K>, _ texts: [[Int32]], spoilt: Bool, wantsReconstruction: Bool
  ) -> [K.Scalar] {
    let workspace = Workspace<K.Scalar>()
    let gradient = Gradient<K.Scalar>(model.table, model.configuration)
    if spoilt {
      workspace.spoil()
      gradient.buffer.all.fill(.nan)
    }
    let block = workspace.microbatch(texts: texts, configuration: model.configuration, batch: texts.count)
    PlainModelTests.fill(block.x)
    let sum = model.lossAndGradient(
      block, gradient: gradient, batch: texts.count, accumulate: false, wantsReconstruction: wantsReconstruction,
      &workspace.arena)
    if !model.configuration.hasReconstruction { #expect(sum.reconstruction == 0) }
    return gradient.buffer.values + [K.Scalar(sum.text), K.Scalar(sum.reconstruction)]
  }

  private func spellings<K: Kernels>(_ model: VisionLanguageModel<K>, spoilt: Bool) -> [Spelling] {
    let workspace = Workspace<K.Scalar>()
    if spoilt { workspace.spoil() }
    let x = workspace.arena.matrix(9, model.configuration.pixels)
    PlainModelTests.fill(x)
    return model.spell(x, workspace)
  }

  private func expectSame<K: Kernels>(_ kernels: K, _ index: Int) throws {
    var configuration = ModelConfiguration()
    Self.models[index](&configuration)
    let model = try VisionLanguageModel(configuration, kernels: kernels)
    model.drawParameters(seed: 5)
    for labels in [[7], [3, 0, 1, 7, 4, 2, 6, 8, 9]] {
      let texts = labels.map { model.vocabulary.texts[$0] }
      for wants in [false, true] {
        let (fresh, used) = (
          results(model, texts, spoilt: false, wantsReconstruction: wants),
          results(model, texts, spoilt: true, wantsReconstruction: wants)
        )
        #expect(fresh.allSatisfy { $0.isFinite })
        let other = zip(fresh, used).enumerated().first { $0.element.0 != $0.element.1 }?.offset
        let tensor = model.table.entries.first { entry in other.map(entry.range.contains) ?? false }
        #expect(other == nil, "\(kernels): \(tensor?.name ?? "loss") of \(labels.count) images")
      }
    }
    #expect(spellings(model, spoilt: true) == spellings(model, spoilt: false))
  }

  @Test(arguments: models.indices) func whatItHeldDoesNotMatterToC(index: Int) throws {
    for kernels in everyCKernels { try expectSame(kernels, index) }
  }

  @Test(arguments: models.indices) func norToTheReference(index: Int) throws {
    try expectSame(Reference<Double>(), index)
  }
}
