import ReferenceKernels

/// The shape of a model and of its loss: everything that two models must share to share their parameters, and what the
/// gradient of the loss is taken to be.
public struct ModelConfiguration: Codable, Equatable, Sendable {
  /// How attention scores a query and a key.
  public enum Attention: String, Codable, CaseIterable, Sendable {
    /// (q1·k1)(q2·k2) / d, with q and k in halves.
    case tensor
    /// (q·k) / √d.
    case dot
  }

  /// `count` features, each a product of `degree` dot products with the image.
  public struct DirectFeatures: Codable, Equatable, Sendable {
    public var degree: Int
    public var count: Int

    public init(degree: Int, count: Int) {
      self.degree = degree
      self.count = count
    }
  }

  /// Side of the pooled image, so that P = imageSize².
  public var imageSize = 14
  /// M: features of each of the two base autoencoders.
  public var baseFeatures = 10
  /// N: tokens of their tensor product; 0 leaves both autoencoders and the product out.
  public var tensorTokens = 12
  /// Features taken from the image directly.
  public var direct = [DirectFeatures(degree: 2, count: 8), DirectFeatures(degree: 3, count: 8)]
  /// D: width of an embedding.
  public var width = 32
  /// H: attention heads, each of width D / H.
  public var heads = 4
  public var layers = 1
  /// Hidden width of the MLP in units of D.
  public var mlpRatio = 4
  /// Text positions that the model can hold, BOS and EOS included.
  public var maximumTextLength = 8
  /// The names that images can have, in the order of their labels.
  public var names = Vocabulary.digitNames
  public var attention = Attention.tensor
  public var gradient = GradientKind.exact
  /// Weight of the reconstruction term in the loss; 0 leaves it out.
  public var reconstructionWeight = 0.01

  public init() {}
}

extension ModelConfiguration {
  /// All names together with one byte between them, in bytes; a file cannot make the reader take more for them.
  static let namesLimit = 1 << 16

  /// P: pixels of the pooled image.
  public var pixels: Int { imageSize * imageSize }
  /// F: vision features, which are as many as vision positions.
  public var features: Int { direct.reduce(tensorTokens) { $0 + $1.count } }
  /// Positions of the model, for vision and text.
  public var positions: Int { features + maximumTextLength }
  /// E: hidden width of the MLP.
  public var hiddenWidth: Int { mlpRatio * width }
  /// Whether there are direct features of degree 2, which the reconstruction is made from.
  public var hasReconstruction: Bool { direct.contains { $0.degree == 2 } }

  /// Refuses what cannot be built, with the value and the rule it breaks.
  public func validate() throws(ConfigurationError) {
    func require(_ holds: Bool, _ setting: String, _ value: Any, _ rule: String) throws(ConfigurationError) {
      if !holds { throw ConfigurationError(setting, value: "\(value)", rule: rule) }
    }
    let counts = [
      ("image size", imageSize, 1...1024), ("tensor tokens", tensorTokens, 0...4096),
      ("base features", baseFeatures, tensorTokens > 0 ? 1...4096 : 0...4096),
      ("width", width, 1...4096), ("heads", heads, 1...4096),
      ("layers", layers, 1...256), ("MLP ratio", mlpRatio, 1...64),
      ("maximum text length", maximumTextLength, 1...4096),
    ]
    for (setting, value, range) in counts {
      try require(range.contains(value), setting, value, "\(range.lowerBound) to \(range.upperBound)")
    }
    for features in direct {
      try require((2...16).contains(features.degree), "direct degree", features.degree, "2 to 16")
      try require(
        (1...4096).contains(features.count), "direct features of degree \(features.degree)", features.count, "1 to 4096"
      )
    }
    let degrees = direct.map(\.degree)
    try require(Set(degrees).count == degrees.count, "direct degrees", degrees, "different from each other")
    try require(features >= 1, "vision features", features, "at least 1: a tensor token or a direct feature")
    try require(width % heads == 0, "width", width, "a multiple of the \(heads) heads")
    try require(
      attention == .dot || width / heads % 2 == 0, "width of a head", width / heads,
      "even for tensor attention, which halves it")
    let controls: [Unicode.GeneralCategory] = [.control, .lineSeparator, .paragraphSeparator]
    func steers(_ scalar: Unicode.Scalar) -> Bool {
      controls.contains(scalar.properties.generalCategory) || scalar.properties.isBidiControl
    }
    for name in names where name.unicodeScalars.contains(where: steers) {
      throw ConfigurationError("name", value: quoted(name), rule: "without line breaks and control characters")
    }
    let bytes = names.reduce(0) { $0 + $1.utf8.count + 1 } - 1
    try require(bytes <= Self.namesLimit, "names", "\(bytes) bytes", "at most \(Self.namesLimit) with a space between")
    let longest = (names.map(\.count).max() ?? 0) + 2
    try require(
      longest <= maximumTextLength, "maximum text length", maximumTextLength,
      "at least \(longest): the longest name with BOS and EOS")
    _ = try Vocabulary(names: names)
    try require(
      reconstructionWeight >= 0 && reconstructionWeight.isFinite, "reconstruction weight", reconstructionWeight,
      "0 or a positive number")
    try require(
      reconstructionWeight == 0 || hasReconstruction, "reconstruction weight", reconstructionWeight,
      "0 without direct features of degree 2, which the reconstruction is made from")
  }
}
