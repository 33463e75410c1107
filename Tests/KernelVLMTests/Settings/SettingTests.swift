import Testing

@testable import KernelVLM
@testable import KernelVLMCore

/// The two tables know every field, and each field once.
@Suite struct SettingTests {
  /// The stored properties of a value, as text.
  private func fields(of value: Any) -> [String: String] {
    Dictionary(uniqueKeysWithValues: Mirror(reflecting: value).children.map { ($0.label ?? "", "\($0.value)") })
  }

  /// Another text than the default's for each setting, of its form.
  private static let others = [
    "image_size": "7x9", "stages": "8,5,3,0\n4,3,1,1", "base_features": "3", "tensor_tokens": "5", "direct": "2:3\n4:1",
    "width": "45", "heads": "3",
    "layers": "2", "mlp_ratio": "2", "maximum_text_length": "11", "names": "left\nright", "attention": "3",
    "gradient": "published", "reconstruction_weight": "0.25", "total_steps": "12", "schedule_steps": "9000",
    "batch": "5", "learning_rate": "0.125", "schedule": "cosine", "warm_up": "3", "beta1": "0.5", "beta2": "0.75",
    "epsilon": "1e-06", "weight_decay": "0.1", "feature_clip": "2.0", "clip": "3.0", "order": "shuffled", "seed": "7",
    "augmentation": "6.0\n1.0\n0.08\n0.05\n2.0", "unseen": "two\nthree", "held_out": "100",
  ]

  private func walk<Root>(_ table: [Setting<Root>], _ standard: Root) throws {
    let before = fields(of: standard)
    var changed: [String] = []
    for setting in table {
      var root = standard
      let other = try #require(Self.others[setting.key], "no other value for \(setting.key)")
      #expect(try setting.set(other, in: &root, separator: "\n"), "\(setting.key)")
      let after = fields(of: root)
      let different = before.keys.filter { before[$0] != after[$0] }
      #expect(different.count == 1, "\(setting.key) changes \(different)")
      changed += different
      #expect(setting.text(of: root) == other, "\(setting.key)")
      #expect(!setting.help.isEmpty && setting.help.hasSuffix("."))
    }
    #expect(changed.sorted() == before.keys.sorted(), "each field has one setting")
    #expect(Set(table.map(\.key)).count == table.count)
  }

  @Test func eachFieldOfAConfigurationHasOneSetting() throws {
    try walk(ModelConfiguration.settings, ModelConfiguration())
  }

  @Test func eachFieldOfARecipeHasOneSetting() throws { try walk(Recipe.settings, Recipe()) }

  /// All of them at once, through the metadata of a checkpoint and back.
  @Test func metadataGivesBackEveryField() throws {
    var configuration = ModelConfiguration()
    var recipe = Recipe()
    for setting in ModelConfiguration.settings {
      _ = try setting.set(try #require(Self.others[setting.key]), in: &configuration, separator: "\n")
    }
    for setting in Recipe.settings {
      _ = try setting.set(try #require(Self.others[setting.key]), in: &recipe, separator: "\n")
    }
    let metadata = configuration.metadata.merging(recipe.metadata) { text, _ in text }
    var reader = SettingsReader(metadata, path: "file")
    #expect(try reader.configuration() == configuration)
    #expect(try reader.recipe() == recipe)
    #expect(reader.remaining.isEmpty)
  }

  @Test(arguments: [
    ("image_size", "0", "image size is 0, must be 1 to 1024, or two such as 28x56"),
    ("heads", "99999999999", "heads is 99999999999, must be 1 to 4096"),
    ("layers", "two", "metadata layers: expected an integer, found \"two\""),
    ("layers", "02", "metadata layers: expected an integer, found \"02\""),
    ("attention", "cross", "metadata attention: expected tensor, dot or a degree, found \"cross\""),
    ("reconstruction_weight", "-1", "reconstruction weight is -1.0, must be 0 or a positive number"),
  ])
  func aTextThatIsNoValueIsRefused(key: String, text: String, message: String) {
    var metadata = ModelConfiguration().metadata
    metadata[key] = text
    var reader = SettingsReader(metadata, path: "file")
    let error = #expect(throws: FileError.self) { _ = try reader.configuration() }
    #expect(error?.problem == message)
  }
}
