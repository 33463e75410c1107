import ReferenceKernels

extension ModelConfiguration {
  /// What the metadata of a checkpoint says of its own format; a reader that knows another one refuses it.
  static let checkpointFormat = "KernelVLM 1"

  /// The configuration as the metadata of a checkpoint: one string for each setting. Lists have a line for each entry.
  var settings: [String: String] {
    [
      "format": Self.checkpointFormat,
      "image_size": "\(imageSize)",
      "base_features": "\(baseFeatures)",
      "tensor_tokens": "\(tensorTokens)",
      "direct": direct.map { "\($0.degree):\($0.count)" }.joined(separator: "\n"),
      "width": "\(width)",
      "heads": "\(heads)",
      "layers": "\(layers)",
      "mlp_ratio": "\(mlpRatio)",
      "maximum_text_length": "\(maximumTextLength)",
      "names": names.joined(separator: "\n"),
      "attention": attention.rawValue,
      "gradient": gradient.rawValue,
      "reconstruction_weight": "\(reconstructionWeight)",
    ]
  }
}

extension Recipe {
  /// The recipe as the metadata of a checkpoint; `steps` there are those done, so that those of the run are
  /// `total_steps`. A number's text gives back its bits.
  var settings: [String: String] {
    [
      "total_steps": "\(steps)",
      "schedule_steps": "\(scheduleSteps)",
      "batch": "\(batch)",
      "learning_rate": "\(learningRate)",
      "schedule": schedule.rawValue,
      "warm_up": "\(warmUp)",
      "beta1": "\(beta1)",
      "beta2": "\(beta2)",
      "epsilon": "\(epsilon)",
      "weight_decay": "\(weightDecay)",
      "feature_clip": "\(featureClip)",
      "clip": "\(clip)",
      "order": order.rawValue,
      "seed": "\(seed)",
    ]
  }
}

extension Vocabulary {
  static let setting = "tokens"

  /// All tokens as the metadata of a checkpoint: on each line the number, a space, and the letter, BOS or EOS.
  var setting: String { symbols.enumerated().map { "\($0) \($1)" }.joined(separator: "\n") }
}

/// Takes a configuration, a recipe and kernels out of a checkpoint's metadata, setting by setting.
struct SettingsReader {
  /// What has not been taken.
  private(set) var remaining: [String: String]
  private let path: String

  init(_ metadata: [String: String], path: String) {
    remaining = metadata
    self.path = path
  }

  /// - Throws: `FileError` for a setting that is missing or is not of its form, and for a configuration that is invalid.
  mutating func configuration() throws(FileError) -> ModelConfiguration {
    let format = try take("format", "\(ModelConfiguration.checkpointFormat)") { $0 }
    guard format == ModelConfiguration.checkpointFormat else {
      throw refuse("format", ModelConfiguration.checkpointFormat, found: format)
    }
    var c = ModelConfiguration()
    c.imageSize = try integer("image_size")
    c.baseFeatures = try integer("base_features")
    c.tensorTokens = try integer("tensor_tokens")
    c.direct = try take("direct", "lines of degree:count", Self.directFeatures)
    c.width = try integer("width")
    c.heads = try integer("heads")
    c.layers = try integer("layers")
    c.mlpRatio = try integer("mlp_ratio")
    c.maximumTextLength = try integer("maximum_text_length")
    c.names = try take("names", "at most \(ModelConfiguration.namesLimit) bytes, a name on each line", Self.names)
    c.attention = try take("attention", "tensor or dot", ModelConfiguration.Attention.init)
    c.gradient = try take("gradient", "exact or published", GradientKind.init)
    c.reconstructionWeight = try number("reconstruction_weight")
    do { try c.validate() } catch { throw FileError(.malformed, path: path, error.description) }
    return c
  }

  /// Files of version 0.1 do not name their tokens.
  /// - Throws: `FileError` if the file names others, whose parameters would be taken for those of another letter.
  mutating func tokens(of vocabulary: Vocabulary) throws(FileError) {
    guard remaining[Vocabulary.setting] != nil else { return }
    _ = try take(Vocabulary.setting, "the letters of the names, sorted and numbered, then BOS and EOS") {
      $0 == vocabulary.setting ? $0 : nil
    }
  }

  /// - Throws: `FileError` for a setting that is missing or is not of its form, and for a recipe that cannot be run.
  mutating func recipe() throws(FileError) -> Recipe {
    var r = Recipe()
    r.steps = try integer("total_steps")
    r.scheduleSteps = try integer("schedule_steps")
    r.batch = try integer("batch")
    r.learningRate = try number("learning_rate")
    r.schedule = try take("schedule", "linear or cosine", Recipe.Schedule.init)
    r.warmUp = try integer("warm_up")
    r.beta1 = try number("beta1")
    r.beta2 = try number("beta2")
    r.epsilon = try number("epsilon")
    r.weightDecay = try number("weight_decay")
    r.featureClip = try number("feature_clip")
    r.clip = try number("clip")
    r.order = try take("order", "sequential or shuffled", Recipe.Order.init)
    r.seed = try take("seed", "an integer of 32 bits") { UInt32($0) }
    do { try r.validate() } catch { throw FileError(.malformed, path: path, error.description) }
    return r
  }

  /// - Throws: `FileError` for kernels that there are not, which includes C in Double.
  mutating func kernels() throws(FileError) -> SavedTraining.Kernels {
    let backend = try take("backend", "c or reference", KernelChoice.Backend.init)
    let precision = try take("precision", backend == .c ? "float" : "float or double") {
      KernelChoice.Precision(rawValue: $0).flatMap { backend == .c && $0 == .double ? nil : $0 }
    }
    let names = InstructionSet.allCases.map(\.rawValue).joined(separator: ", ")
    let instructionSet: InstructionSet? =
      backend == .c ? try take("isa", "one of \(names)", InstructionSet.init) : nil
    return SavedTraining.Kernels(backend: backend, precision: precision, instructionSet: instructionSet)
  }

  /// A text that can be shown in a message.
  mutating func line(_ key: String) throws(FileError) -> String {
    try take(key, "an entry of one line, at most 80 characters") { quoted($0) == "\"\($0)\"" ? $0 : nil }
  }

  mutating func integer(_ key: String, in range: ClosedRange<Int>) throws(FileError) -> Int {
    try take(key, "\(range.lowerBound) to \(range.upperBound)") { Int($0).flatMap { range.contains($0) ? $0 : nil } }
  }

  private static func directFeatures(_ text: String) -> [ModelConfiguration.DirectFeatures]? {
    // No further than the rules allow, so that a large text takes no memory.
    let lines = text.split(separator: "\n", maxSplits: 16)
    let features = lines.compactMap { line -> ModelConfiguration.DirectFeatures? in
      let numbers = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map { Int($0) }
      guard numbers.count == 2, let degree = numbers[0], let count = numbers[1] else { return nil }
      return ModelConfiguration.DirectFeatures(degree: degree, count: count)
    }
    return features.count == lines.count ? features : nil
  }

  private static func names(_ text: String) -> [String]? {
    guard text.utf8.count <= ModelConfiguration.namesLimit else { return nil }
    return text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  /// Only as it is written: no "+", no leading zeros.
  private mutating func integer(_ key: String) throws(FileError) -> Int {
    try take(key, "an integer") { text in Int(text).flatMap { "\($0)" == text ? $0 : nil } }
  }

  private mutating func number(_ key: String) throws(FileError) -> Double {
    try take(key, "a number") { Double($0) }
  }

  private mutating func take<Value>(
    _ key: String, _ expected: String, _ parse: (String) -> Value?
  ) throws(FileError) -> Value {
    guard let text = remaining.removeValue(forKey: key) else { throw refuse(key, expected, found: nil) }
    guard let value = parse(text) else { throw refuse(key, expected, found: text) }
    return value
  }

  private func refuse(_ key: String, _ expected: String, found: String?) -> FileError {
    let what = found.map(quoted) ?? "no such entry"
    return FileError(.malformed, path: path, "metadata \(key): expected \(expected), found \(what)")
  }
}
