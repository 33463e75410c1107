import ArgumentParser
import KernelVLM
import ReferenceKernels

/// The shape of a model and of its loss.
struct ModelOptions: ParsableArguments, SettingOptions {
  static var table: [Setting<ModelConfiguration>] { ModelConfiguration.settings }

  @Option("attention", of: Self.table, in: ModelConfiguration()) var attention: String?
  @Option("gradient", of: Self.table, in: ModelConfiguration(), or: "the preset's") var gradient: String?
  @Option(
    "recon-weight", of: Self.table, in: ModelConfiguration(), or: "0.01, or 0 without direct features of degree 2")
  var reconWeight: String?
  @Option("image-size", of: Self.table, in: ModelConfiguration(), or: "14 rows; all with stages") var imageSize: String?
  @Option("stages", of: Self.table, in: ModelConfiguration(), or: "the preset's") var stages: String?
  @Option("base-features", of: Self.table, in: ModelConfiguration()) var baseFeatures: String?
  @Option("tensor-tokens", of: Self.table, in: ModelConfiguration()) var tensorTokens: String?
  @Option("direct", of: Self.table, in: ModelConfiguration()) var direct: String?
  @Option("width", of: Self.table, in: ModelConfiguration()) var width: String?
  @Option("heads", of: Self.table, in: ModelConfiguration()) var heads: String?
  @Option("layers", of: Self.table, in: ModelConfiguration()) var layers: String?
  @Option("mlp-ratio", of: Self.table, in: ModelConfiguration()) var mlpRatio: String?
  @Option("max-text", of: Self.table, in: ModelConfiguration(), or: "8, or what the longest name takes")
  var maxText: String?
  @Option("names", of: Self.table, in: ModelConfiguration(), or: "the data's, else zero,one,…,nine") var names: String?

  /// - Parameters:
  ///   - names: of the images, if their source knows them.
  ///   - size: of the images, if it is known.
  func configuration(
    _ preset: Preset, names: [String]? = nil, size: ImageSize? = nil
  ) throws -> ModelConfiguration {
    try Self.configuration(texts, preset, names: names, size: size)
  }

  /// The preset's, fitted to the images, with the settings whose options are keys of `texts`.
  static func configuration(
    _ texts: [String: String], _ preset: Preset, names: [String]? = nil, size: ImageSize? = nil
  ) throws -> ModelConfiguration {
    var c = preset.configuration
    // Without stages pooled to the preset's rows. With them as it is.
    let stages = try table.applying(texts.filter { $0.key == "stages" }, to: c).stages
    if let size { c.imageSize = size.pooled(rows: stages.isEmpty ? c.imageSize.height : size.height) }
    if let names { c.names = names }
    c = try table.applying(texts, to: c)
    if texts["max-text"] == nil { c.maximumTextLength = max(c.maximumTextLength, c.longestText) }
    if texts["recon-weight"] == nil, !c.hasReconstruction { c.reconstructionWeight = 0 }
    // What windows fit into is known with the images.
    var checked = c
    if size == nil, texts["image-size"] == nil { checked.stages = [] }
    try checked.validate()
    return c
  }
}

extension ImageSize {
  /// At most so many rows, and columns in the same proportion.
  fileprivate func pooled(rows: Int) -> ImageSize {
    guard rows < height else { return self }
    return ImageSize(rows, max(1, (2 * width * rows + height) / (2 * height)))
  }
}
