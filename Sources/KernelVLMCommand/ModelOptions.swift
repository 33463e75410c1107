import ArgumentParser
import KernelVLM

/// The shape of a model and of its loss.
struct ModelOptions: ParsableArguments, SettingOptions {
  static var table: [Setting<ModelConfiguration>] { ModelConfiguration.settings }

  @Option("attention", of: Self.table, in: ModelConfiguration()) var attention: String?
  @Option("gradient", of: Self.table, in: ModelConfiguration(), or: "the preset's") var gradient: String?
  @Option(
    "recon-weight", of: Self.table, in: ModelConfiguration(), or: "0.01, or 0 without direct features of degree 2")
  var reconWeight: String?
  @Option("image-size", of: Self.table, in: ModelConfiguration()) var imageSize: String?
  @Option("base-features", of: Self.table, in: ModelConfiguration()) var baseFeatures: String?
  @Option("tensor-tokens", of: Self.table, in: ModelConfiguration()) var tensorTokens: String?
  @Option("direct", of: Self.table, in: ModelConfiguration()) var direct: String?
  @Option("width", of: Self.table, in: ModelConfiguration()) var width: String?
  @Option("heads", of: Self.table, in: ModelConfiguration()) var heads: String?
  @Option("layers", of: Self.table, in: ModelConfiguration()) var layers: String?
  @Option("mlp-ratio", of: Self.table, in: ModelConfiguration()) var mlpRatio: String?
  @Option("max-text", of: Self.table, in: ModelConfiguration()) var maxText: String?
  @Option("names", of: Self.table, in: ModelConfiguration(), or: "zero,one,…,nine") var names: String?

  func configuration(_ preset: Preset) throws -> ModelConfiguration {
    try Self.configuration(texts, preset)
  }

  /// The preset's, with the settings whose options are keys of `texts`.
  static func configuration(_ texts: [String: String], _ preset: Preset) throws -> ModelConfiguration {
    var c = try table.applying(texts, to: preset.configuration)
    if texts["recon-weight"] == nil, !c.hasReconstruction { c.reconstructionWeight = 0 }
    try c.validate()
    return c
  }
}
