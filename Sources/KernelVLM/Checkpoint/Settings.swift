import ReferenceKernels

extension ModelConfiguration {
  /// What the metadata of a checkpoint says of its own format; a reader that knows another one refuses it.
  static let checkpointFormat = "KernelVLM 1"

  /// The configuration as the metadata of a checkpoint.
  var metadata: [String: String] {
    var texts = Self.settings.texts(of: self)
    texts["format"] = Self.checkpointFormat
    return texts
  }
}

extension Recipe {
  /// The recipe as the metadata of a checkpoint; `steps` there are those done, so that those of the run are `total_steps`.
  var metadata: [String: String] { Self.settings.texts(of: self) }
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
    try take(ModelConfiguration.settings, into: &c)
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
    try take(Recipe.settings, into: &r)
    do { try r.validate() } catch { throw FileError(.malformed, path: path, error.description) }
    return r
  }

  /// A text that can be shown in a message.
  mutating func line(_ key: String) throws(FileError) -> String {
    try take(key, "an entry of one line, at most 80 characters") { quoted($0) == "\"\($0)\"" ? $0 : nil }
  }

  mutating func integer(_ key: String, in range: ClosedRange<Int>) throws(FileError) -> Int {
    try take(key, "\(range.lowerBound) to \(range.upperBound)") { Int($0).flatMap { range.contains($0) ? $0 : nil } }
  }

  private mutating func take<Root>(_ settings: [Setting<Root>], into root: inout Root) throws(FileError) {
    for setting in settings where remaining[setting.key] != nil || !setting.isOptional {
      let text = try take(setting.key, setting.form) { $0 }
      let isSet: Bool
      do { isSet = try setting.set(text, in: &root, separator: "\n") } catch {
        throw FileError(.malformed, path: path, error.description)
      }
      guard isSet else { throw refuse(setting.key, setting.form, found: text) }
    }
  }

  mutating func take<Value>(
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
