import ArgumentParser
import KernelVLM
import ReferenceKernels

/// The shape of a model and of its loss.
struct ModelOptions: ParsableArguments {
  private static var standard: ModelConfiguration { ModelConfiguration() }

  @Option(help: "How attention scores a query and a key: (q1·k1)(q2·k2)/d, or q·k/√d.")
  var attention = Self.standard.attention

  @Option(help: "The gradient: the true one, or what the published program computes (default: the preset's).")
  var gradient: GradientKind?

  @Option(
    help: ArgumentHelp(
      "Weight of the reconstruction error in the loss (default: \(Self.standard.reconstructionWeight), or 0 without "
        + "direct features of degree 2).", valueName: "weight"))
  var reconWeight: Double?

  @Option(help: "Side of the image that the model sees; larger ones are average-pooled.")
  var imageSize = Self.standard.imageSize

  @Option(help: "Features of each of the two base autoencoders.")
  var baseFeatures = Self.standard.baseFeatures

  @Option(help: "Tokens of the base autoencoders' tensor product; 0 leaves all three out.")
  var tensorTokens = Self.standard.tensorTokens

  @Option(
    help: ArgumentHelp("Direct features, each degree with its count, or 'none'.", valueName: "degree:count,..."))
  var direct = DirectList(Self.standard.direct)

  @Option(help: "Width of an embedding.")
  var width = Self.standard.width

  @Option(help: "Attention heads.")
  var heads = Self.standard.heads

  @Option(help: "Layers of attention and MLP.")
  var layers = Self.standard.layers

  @Option(help: "Hidden width of the MLP in units of --width.")
  var mlpRatio = Self.standard.mlpRatio

  @Option(help: "Longest text in tokens, its begin and end included.")
  var maxText = Self.standard.maximumTextLength

  @Option(
    help: ArgumentHelp(
      "The names of the labels 0, 1, … (default: zero,one,…,nine).", valueName: "name,..."),
    transform: { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) })
  var names = Self.standard.names

  func configuration(_ preset: Preset) throws -> ModelConfiguration {
    var c = preset.configuration
    c.attention = attention
    c.gradient = gradient ?? c.gradient
    c.imageSize = imageSize
    c.baseFeatures = baseFeatures
    c.tensorTokens = tensorTokens
    c.direct = direct.features
    c.width = width
    c.heads = heads
    c.layers = layers
    c.mlpRatio = mlpRatio
    c.maximumTextLength = maxText
    c.names = names
    c.reconstructionWeight = reconWeight ?? (c.hasReconstruction ? c.reconstructionWeight : 0)
    try c.validate()
    return c
  }
}
