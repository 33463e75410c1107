import ReferenceKernels
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

struct ModelConfigurationTests {
  @Test func theDefaultIsThePublishedModel() throws {
    let configuration = ModelConfiguration()
    try configuration.validate()
    #expect(configuration.pixels == 196 && configuration.features == 28 && configuration.positions == 36)
    let table = try ParameterTable(configuration, vocabularySize: 17)
    #expect(table.count == 32_240)
    #expect(table.entries.filter(\.isFeature).count == 11)
  }

  @Test func moreParametersThanMemoryCanAddressAreRefused() {
    for side in [1 << 29, 1 << 31] {
      var configuration = ModelConfiguration()
      configuration.imageSize = ImageSize(side, side)
      let error = #expect(throws: ConfigurationError.self) { try ParameterTable(configuration, vocabularySize: 17) }
      #expect(error?.setting == "number of parameters", "side \(side)")
    }
  }

  /// A change that breaks a rule, the setting that the error names, and a word of the rule.
  static let invalid: [(change: @Sendable (inout ModelConfiguration) -> Void, setting: String, rule: String)] = [
    ({ $0.imageSize = 0 }, "image size", "1 to"),
    ({ $0.tensorTokens = -1 }, "tensor tokens", "0 to"),
    ({ $0.baseFeatures = 0 }, "base features", "1 to"),
    ({ $0.width = 30 }, "width", "multiple of the 4 heads"),
    (
      {
        $0.width = 33
        $0.attention = .dot
      }, "width", "multiple of the 4 heads"
    ),
    ({ $0.heads = 0 }, "heads", "1 to"),
    ({ $0.layers = 0 }, "layers", "1 to"),
    ({ $0.mlpRatio = 0 }, "MLP ratio", "1 to"),
    ({ $0.width = 12 }, "width of a head", "even"),
    ({ $0.attention = .init(degree: 3) }, "width of a head", "attention's degree, 3"),
    (
      {
        $0.width = 68
        $0.attention = .init(degree: 17)
      }, "attention", "1 to 16"
    ),
    ({ $0.direct[0].degree = 1 }, "direct degree", "2 to 16"),
    ({ $0.direct[1].count = 0 }, "direct features of degree 3", "1 to"),
    ({ $0.direct[1].degree = 2 }, "direct degrees", "different"),
    ({ $0.maximumTextLength = 6 }, "maximum text length", "at least 7"),
    ({ $0.names = [] }, "number of names", "1 to"),
    ({ $0.names = ["one", "one"] }, "name 1", "different"),
    ({ $0.names = ["a\nb"] }, "name", "line breaks"),
    ({ $0.reconstructionWeight = -1 }, "reconstruction weight", "positive"),
    ({ $0.reconstructionWeight = .nan }, "reconstruction weight", "positive"),
    ({ $0.direct = [.init(degree: 3, count: 4)] }, "reconstruction weight", "0 without"),
    (
      {
        $0.direct = []
        $0.tensorTokens = 0
        $0.reconstructionWeight = 0
      }, "vision features", "at least 1"
    ),
  ]

  @Test(arguments: invalid.indices)
  func whatCannotBeBuiltIsRefusedWithValueAndRule(index: Int) throws {
    let (change, setting, rule) = Self.invalid[index]
    var configuration = ModelConfiguration()
    change(&configuration)
    let error = try #require(throws: ConfigurationError.self) { try configuration.validate() }
    #expect(error.setting == setting)
    #expect(error.rule.contains(rule))
    #expect(throws: error) { try VisionLanguageModel(configuration, kernels: CKernels()) }
  }

  /// Unusual but valid: each trains a step and spells on both kernel sets.
  static let valid: [@Sendable (inout ModelConfiguration) -> Void] = [
    { $0.layers = 3 },
    {
      $0.tensorTokens = 0
      $0.baseFeatures = 0
    },
    {
      $0.direct = []
      $0.reconstructionWeight = 0
    },
    { $0.direct = [.init(degree: 5, count: 3), .init(degree: 2, count: 1)] },
    {
      $0.attention = .dot
      $0.width = 15
      $0.heads = 5
    },
    { $0.names = ["naught", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX"] },
    { $0.imageSize = 28 },
  ]

  @Test(arguments: valid.indices)
  func unusualModelsTrainAndSpell(index: Int) throws {
    var configuration = ModelConfiguration()
    Self.valid[index](&configuration)
    var recipe = Recipe()
    recipe.batch = 9
    let images = DrawnDigits().images(.train, 0..<40)
    var losses: [Double] = []
    for kernels in [try KernelChoice(), try KernelChoice(.reference, precision: .double)] {
      let session = try kernels.train(configuration, recipe: recipe, images: images, threads: 2)
      let first = try session.step(reportsReconstruction: true)
      for _ in 0..<3 { _ = try session.step(reportsReconstruction: false) }
      #expect(try session.step(reportsReconstruction: true).loss < first.loss)
      losses.append(first.loss)
      let spellings = try session.model.spell(images, 0..<40, threads: 2)
      #expect(spellings.count == 40)
      #expect(spellings.allSatisfy { $0.tokens.count == $0.probabilities.count && !$0.tokens.isEmpty })
    }
    #expect(abs(losses[0] - losses[1]) < 1e-4 * losses[1])
  }
}
