import ReferenceKernels

extension ModelConfiguration {
  /// Every stored property, in their order.
  public static let settings: [Setting<ModelConfiguration>] = [
    Setting(
      "image size", help: "Side of the image that the model sees, or rows x columns; larger ones are average-pooled.",
      valueName: "side|rowsxcolumns",
      .size(1...1024, get: { $0.imageSize }, set: { $0.imageSize = $1 })),
    // Files of version 0.2 have none.
    Setting(
      "stages", help: "Local bilinear stages in front of the features, or 'none'.",
      valueName: "channels,kernel,stride,padding:...",
      .list(
        form: "channels,kernel,stride,padding", separator: ":",
        get: { $0.stages.map { "\($0.channels),\($0.kernel),\($0.stride),\($0.padding)" } },
        set: { configuration, entries in
          let entries = entries == [""] ? [] : entries
          let stages = entries.compactMap(LocalStage.init)
          if stages.count == entries.count { configuration.stages = stages }
          return stages.count == entries.count
        }), isOptional: true),
    Setting(
      "base features", help: "Features of each of the two base autoencoders.",
      .integer(0...4096, get: { Int64($0.baseFeatures) }, set: { $0.baseFeatures = Int(clamping: $1) }),
      brokenRule: { $0.tensorTokens <= 0 || (1...4096).contains($0.baseFeatures) ? nil : "1 to 4096" }),
    Setting(
      "tensor tokens", help: "Tokens of the base autoencoders' tensor product; 0 leaves all three out.",
      .integer(0...4096, get: { Int64($0.tensorTokens) }, set: { $0.tensorTokens = Int(clamping: $1) })),
    Setting(
      "direct", help: "Direct features, each degree with its count, or 'none'.", valueName: "degree:count,...",
      .list(
        form: "degree:count", get: { $0.direct.map { "\($0.degree):\($0.count)" } },
        set: { configuration, entries in
          // No text at all means none.
          let entries = entries == [""] ? [] : entries
          let features = entries.compactMap(DirectFeatures.init)
          if features.count == entries.count { configuration.direct = features }
          return features.count == entries.count
        })),
    Setting(
      "width", help: "Width of an embedding.",
      .integer(1...4096, get: { Int64($0.width) }, set: { $0.width = Int(clamping: $1) })),
    Setting(
      "heads", help: "Attention heads.",
      .integer(1...4096, get: { Int64($0.heads) }, set: { $0.heads = Int(clamping: $1) })),
    Setting(
      "layers", help: "Layers of attention and MLP.",
      .integer(1...256, get: { Int64($0.layers) }, set: { $0.layers = Int(clamping: $1) })),
    Setting(
      "MLP ratio", help: "Hidden width of the MLP in units of --width.",
      .integer(1...64, get: { Int64($0.mlpRatio) }, set: { $0.mlpRatio = Int(clamping: $1) })),
    Setting(
      "maximum text length", option: "max-text", help: "Longest text in tokens, its begin and end included.",
      .integer(1...4096, get: { Int64($0.maximumTextLength) }, set: { $0.maximumTextLength = Int(clamping: $1) })),
    Setting(
      "names", help: "The names of the labels 0, 1, ….", valueName: "name,...",
      .list(
        form: "a name", get: { $0.names },
        set: {
          $0.names = $1; return true
        })),
    Setting(
      "attention",
      help: "How attention scores a query and a key: (q1·k1)(q2·k2)/d, q·k/√d, or a product of so many parts.",
      .choice(
        ["tensor", "dot"], others: "a degree", get: { $0.attention.name },
        set: { configuration, text in
          guard let attention = Attention(text) else { return false }
          configuration.attention = attention
          return true
        })),
    Setting(
      "gradient", help: "The gradient: the true one, or what the published program computes.",
      .choice(
        ["exact", "published"], get: { $0.gradient.rawValue },
        set: { configuration, text in
          guard let gradient = GradientKind(rawValue: text) else { return false }
          configuration.gradient = gradient
          return true
        })),
    Setting(
      "reconstruction weight", option: "recon-weight", help: "Weight of the reconstruction error in the loss.",
      valueName: "weight",
      .number(.notNegative, get: { $0.reconstructionWeight }, set: { $0.reconstructionWeight = $1 })),
  ]
}

extension ModelConfiguration.DirectFeatures {
  /// From "degree:count".
  public init?(_ text: String) {
    guard let numbers = integers(text, separator: ":", count: 2) else { return nil }
    self.init(degree: numbers[0], count: numbers[1])
  }
}

extension ModelConfiguration.LocalStage {
  /// From "channels,kernel,stride,padding".
  public init?(_ text: String) {
    guard let numbers = integers(text, separator: ",", count: 4) else { return nil }
    self.init(channels: numbers[0], kernel: numbers[1], stride: numbers[2], padding: numbers[3])
  }
}

/// Exactly `count` integers; nil for any other text.
private func integers(_ text: String, separator: Character, count: Int) -> [Int]? {
  let parts = text.split(separator: separator, maxSplits: count, omittingEmptySubsequences: false)
  let numbers = parts.compactMap { Int($0) }
  return parts.count == count && numbers.count == count ? numbers : nil
}
