import ArgumentParser
import KernelVLM
import ReferenceKernels

/// The shape of a model and of its loss. An option that is not given is nil: its default is the preset's, or that of a
/// training that is resumed.
struct ModelOptions: ParsableArguments {
  private static var standard: ModelConfiguration { ModelConfiguration() }

  @Option(
    help: """
      How attention scores a query and a key: (q1·k1)(q2·k2)/d, or q·k/√d (default: \
      \(Self.standard.attention.rawValue)).
      """)
  var attention: ModelConfiguration.Attention?

  @Option(help: "The gradient: the true one, or what the published program computes (default: the preset's).")
  var gradient: GradientKind?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Weight of the reconstruction error in the loss (default: \(Self.standard.reconstructionWeight), or 0 without "
        + "direct features of degree 2).", valueName: "weight"))
  var reconWeight: Double?

  @Option(
    parsing: .unconditional,
    help: """
      Side of the image that the model sees; larger ones are average-pooled (default: \
      \(Self.standard.imageSize)).
      """)
  var imageSize: Int?

  @Option(
    parsing: .unconditional,
    help: "Features of each of the two base autoencoders (default: \(Self.standard.baseFeatures)).")
  var baseFeatures: Int?

  @Option(
    parsing: .unconditional,
    help: """
      Tokens of the base autoencoders' tensor product; 0 leaves all three out (default: \
      \(Self.standard.tensorTokens)).
      """)
  var tensorTokens: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Direct features, each degree with its count, or 'none' (default: \(DirectList(Self.standard.direct).text)).",
      valueName: "degree:count,..."))
  var direct: DirectList?

  @Option(parsing: .unconditional, help: "Width of an embedding (default: \(Self.standard.width)).")
  var width: Int?

  @Option(parsing: .unconditional, help: "Attention heads (default: \(Self.standard.heads)).")
  var heads: Int?

  @Option(parsing: .unconditional, help: "Layers of attention and MLP (default: \(Self.standard.layers)).")
  var layers: Int?

  @Option(
    parsing: .unconditional, help: "Hidden width of the MLP in units of --width (default: \(Self.standard.mlpRatio)).")
  var mlpRatio: Int?

  @Option(
    parsing: .unconditional,
    help: "Longest text in tokens, its begin and end included (default: \(Self.standard.maximumTextLength)).")
  var maxText: Int?

  @Option(
    help: ArgumentHelp(
      "The names of the labels 0, 1, … (default: zero,one,…,nine).", valueName: "name,..."),
    transform: Self.names)
  var names: [String]?

  static func names(_ list: String) -> [String] {
    list.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
  }

  func configuration(_ preset: Preset) throws -> ModelConfiguration {
    var c = applied(to: preset.configuration)
    if reconWeight == nil, !c.hasReconstruction { c.reconstructionWeight = 0 }
    try c.validate()
    return c
  }

  /// `configuration` with what these options change.
  func applied(to configuration: ModelConfiguration) -> ModelConfiguration {
    var c = configuration
    c.attention = attention ?? c.attention
    c.gradient = gradient ?? c.gradient
    c.imageSize = imageSize ?? c.imageSize
    c.baseFeatures = baseFeatures ?? c.baseFeatures
    c.tensorTokens = tensorTokens ?? c.tensorTokens
    c.direct = direct?.features ?? c.direct
    c.width = width ?? c.width
    c.heads = heads ?? c.heads
    c.layers = layers ?? c.layers
    c.mlpRatio = mlpRatio ?? c.mlpRatio
    c.maximumTextLength = maxText ?? c.maximumTextLength
    c.names = names ?? c.names
    c.reconstructionWeight = reconWeight ?? c.reconstructionWeight
    return c
  }
}
