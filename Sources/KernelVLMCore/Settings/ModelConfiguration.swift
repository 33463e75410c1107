import ReferenceKernels

/// The shape of a model and of its loss: everything that two models must share to share their parameters, and what the
/// gradient of the loss is taken to be.
public struct ModelConfiguration: Equatable, Sendable {
  /// How attention scores a query and a key: by a product of `degree` dot products, ∏_r (q_r·k_r) / d^(R/2), with q and k in
  /// R parts.
  public struct Attention: Hashable, Sendable {
    /// R.
    public let degree: Int

    /// Of degree R, 1 to 16, which must divide the width of a head.
    public init(degree: Int) { self.degree = degree }

    /// q·k / √d.
    public static let dot = Attention(degree: 1)
    /// (q1·k1)(q2·k2) / d.
    public static let tensor = Attention(degree: 2)

    /// From "dot", "tensor", or the degree.
    public init?(_ text: String) {
      switch text {
      case "dot": self = .dot
      case "tensor": self = .tensor
      default:
        guard let degree = Int(text), degree > 0, "\(degree)" == text else { return nil }
        self.init(degree: degree)
      }
    }

    /// "dot", "tensor", or the degree.
    public var name: String {
      switch degree {
      case 1: "dot"
      case 2: "tensor"
      default: "\(degree)"
      }
    }
  }

  /// `count` features, each a product of `degree` dot products with the image.
  public struct DirectFeatures: Equatable, Sendable {
    /// R: dot products that a feature is the product of, 2 to 16.
    public var degree: Int
    /// How many of them, 1 to 4096.
    public var count: Int

    /// Checked where a model is made of them.
    public init(degree: Int, count: Int) {
      self.degree = degree
      self.count = count
    }
  }

  /// One bilinear stage in front of the features, with the same weights at every place: `channels` products of two dot
  /// products with a window of the map before it (see `localProductForward`).
  public struct LocalStage: Equatable, Sendable {
    /// C: channels of the map that it makes, 1 to 4096.
    public var channels: Int
    /// Side of a window, 1 to 1024.
    public var kernel: Int
    /// Places from one window to the next, 1 to 1024.
    public var stride: Int
    /// Zeros around the map, less than `kernel`.
    public var padding: Int

    /// Checked where a model is made of them.
    public init(channels: Int, kernel: Int, stride: Int, padding: Int = 0) {
      self.channels = channels
      self.kernel = kernel
      self.stride = stride
      self.padding = padding
    }

    /// Over a map of this size and so many channels.
    func shape(on size: ImageSize, channels inputs: Int) -> LocalShape {
      LocalShape(
        height: size.height, width: size.width, channels: inputs, kernel: kernel, stride: stride, padding: padding,
        outputs: channels)
    }
  }

  /// The image that the model sees: larger ones are pooled to it.
  public var imageSize: ImageSize = 14
  /// What learns between the image and x; none by default, so that x has the image's pixels.
  public var stages: [LocalStage] = []
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
  /// Layers of the transformer.
  public var layers = 1
  /// Hidden width of the MLP in units of D.
  public var mlpRatio = 4
  /// Text positions that the model can hold, BOS and EOS included.
  public var maximumTextLength = 8
  /// The names that images can have, in the order of their labels.
  public var names = Vocabulary.digitNames
  /// How a query and a key are scored.
  public var attention = Attention.tensor
  /// The true gradient, or the published program's.
  public var gradient = GradientKind.exact
  /// Weight of the reconstruction term in the loss; 0 leaves it out.
  public var reconstructionWeight = 0.01

  /// The default model, of 32,240 parameters.
  public init() {}
}

extension ModelConfiguration {
  /// All names together with one byte between them, in bytes; a file cannot make the reader take more for them.
  package static let namesLimit = 1 << 16

  /// The maps that the stages turn into each other, the image first.
  public var localShapes: [LocalShape] {
    var (size, channels) = (imageSize, 1)
    return stages.map { stage in
      let shape = stage.shape(on: size, channels: channels)
      (size, channels) = (ImageSize(shape.outputHeight, shape.outputWidth), shape.outputs)
      return shape
    }
  }
  /// P: numbers of x, which are the pixels of the image or the values of the last stage's map.
  public var pixels: Int { localShapes.last?.outputValues ?? imageSize.pixels }
  /// What the local stages cost for an image, in positions of text: by multiply-adds, of which a position has about 12 D² in a
  /// layer.
  var stageWork: Int {
    localShapes.reduce(0) { $0 + 2 * $1.places * $1.outputs * $1.window } / (12 * width * width * layers)
  }
  /// F: vision features, which are as many as vision positions.
  public var features: Int { direct.reduce(tensorTokens) { $0 + $1.count } }
  /// Positions of the model, for vision and text.
  public var positions: Int { features + maximumTextLength }
  /// Tokens of the longest name with BOS and EOS.
  public var longestText: Int { (names.map { $0.count }.max() ?? 0) + 2 }
  /// E: hidden width of the MLP.
  public var hiddenWidth: Int { mlpRatio * width }
  /// Whether there are direct features of degree 2, which the reconstruction is made from.
  public var hasReconstruction: Bool { direct.contains { $0.degree == 2 } }

  /// Refuses what cannot be built, with the value and the rule it breaks.
  public func validate() throws(ConfigurationError) {
    func require(_ holds: Bool, _ setting: String, _ value: some CustomStringConvertible, _ rule: String)
      throws(ConfigurationError)
    {
      if !holds { throw ConfigurationError(setting, value: value, rule: rule) }
    }
    for setting in Self.settings { try setting.validate(self) }
    try validateStages()
    for features in direct {
      try require((2...16).contains(features.degree), "direct degree", features.degree, "2 to 16")
      try require(
        (1...4096).contains(features.count), "direct features of degree \(features.degree)", features.count, "1 to 4096"
      )
    }
    let degrees = direct.map { $0.degree }
    try require(Set(degrees).count == degrees.count, "direct degrees", "\(degrees)", "different from each other")
    try require(features >= 1, "vision features", features, "at least 1: a tensor token or a direct feature")
    try require(width % heads == 0, "width", width, "a multiple of the \(heads) heads")
    let degree = attention.degree
    try require((1...16).contains(degree), "attention", degree, "a degree of 1 to 16")
    try require(
      width / heads % degree == 0, "width of a head", width / heads,
      degree == 2 ? "even for tensor attention, which halves it" : "a multiple of attention's degree, \(degree)")
    let controls: [Unicode.GeneralCategory] = [.control, .lineSeparator, .paragraphSeparator]
    func steers(_ scalar: Unicode.Scalar) -> Bool {
      controls.contains(scalar.properties.generalCategory) || scalar.properties.isBidiControl
    }
    for name in names where name.unicodeScalars.contains(where: steers) {
      throw ConfigurationError("name", value: quoted(name), rule: "without line breaks and control characters")
    }
    let bytes = names.reduce(0) { $0 + $1.utf8.count + 1 } - 1
    try require(bytes <= Self.namesLimit, "names", "\(bytes) bytes", "at most \(Self.namesLimit) with a space between")
    let longest = longestText
    try require(
      longest <= maximumTextLength, "maximum text length", maximumTextLength,
      "at least \(longest): the longest name with BOS and EOS")
    _ = try Vocabulary(names: names)
    try require(
      reconstructionWeight == 0 || hasReconstruction, "reconstruction weight", reconstructionWeight,
      "0 without direct features of degree 2, which the reconstruction is made from")
  }
}

extension ModelConfiguration {
  /// More stages than this do not train: each squares numbers that are small already.
  public static let trainableStages = 2

  /// Values of a map or of its windows; more are refused before memory is asked for.
  private static let mapLimit: Int64 = 1 << 26

  private func validateStages() throws(ConfigurationError) {
    var (size, channels) = (imageSize, 1)
    for (index, stage) in stages.enumerated() {
      func require(_ range: ClosedRange<Int>, _ what: String, _ value: Int, _ reason: String = "")
        throws(ConfigurationError)
      {
        guard !range.contains(value) else { return }
        throw ConfigurationError(
          "\(what) of stage \(index + 1)", value: value, rule: "\(range.lowerBound) to \(range.upperBound)\(reason)")
      }
      try require(1...4096, "channels", stage.channels)
      try require(1...1024, "kernel", stage.kernel)
      try require(1...1024, "stride", stage.stride)
      try require(0...stage.kernel - 1, "padding", stage.padding, ", less than its kernel")
      let room = min(size.height, size.width) + 2 * stage.padding
      try require(1...room, "kernel", stage.kernel, ", the side of the map of \(size) with its padding")
      let shape = stage.shape(on: size, channels: channels)
      size = ImageSize(shape.outputHeight, shape.outputWidth)
      let most = max(Int64(stage.kernel * stage.kernel) * Int64(channels), Int64(stage.channels))
      guard most <= Self.mapLimit / Int64(size.pixels) else {
        throw ConfigurationError(
          "map of stage \(index + 1)", value: "\(size) of \(stage.channels) channels",
          rule: "at most \(Self.mapLimit) values, its windows' too")
      }
      channels = stage.channels
    }
  }
}
