import ReferenceKernels

/// One setting of a model's configuration or of a recipe: all that is known of it, in one place.
///
/// What checks, saves, reads, asks for, explains or fuzzes settings walks a table of these.
public struct Setting<Root>: Sendable {
  /// Where the value is, and which values there are.
  public enum Value: Sendable {
    /// An integer of a range.
    case integer(
      ClosedRange<Int64>, get: @Sendable (Root) -> Int64, set: @Sendable (inout Root, Int64) -> Void)
    /// Rows and columns, each of a range.
    case size(ClosedRange<Int>, get: @Sendable (Root) -> ImageSize, set: @Sendable (inout Root, ImageSize) -> Void)
    /// A finite number that obeys a rule.
    case number(NumberRule, get: @Sendable (Root) -> Double, set: @Sendable (inout Root, Double) -> Void)
    /// One of some words; `others` says which other texts are taken too.
    case choice(
      [String], others: String? = nil, get: @Sendable (Root) -> String,
      set: @Sendable (inout Root, String) -> Bool)
    /// So many numbers, as a list; no text means that all are 0.
    case numbers(
      form: String, count: Int, get: @Sendable (Root) -> [Double], set: @Sendable (inout Root, [Double]) -> Void)
    /// A list, an entry a text; `separator` stands between two of them on a command line. False if an entry is not of the
    /// form.
    case list(
      form: String, separator: Character = ",", get: @Sendable (Root) -> [String],
      set: @Sendable (inout Root, [String]) -> Bool)
  }

  /// Which numbers there are; none of them is infinite.
  public enum NumberRule: Sendable {
    /// Above 0.
    case positive
    /// 0 or above.
    case notNegative
    /// At least 0 and less than 1.
    case share
  }

  /// As messages call it: "image size".
  public let name: String
  /// As files call it: "image_size".
  public let key: String
  /// The command's option without "--", if it has one: "image-size".
  public let option: String?
  /// One sentence, or a part of one, without the default.
  public let help: String
  /// What stands for the value in the option's usage.
  public let valueName: String?
  /// Where the value is, and which there are.
  public let value: Value
  /// Whether a file may leave it out, as those of earlier versions do: it has its default then.
  public let isOptional: Bool
  /// A rule that depends on other settings: what the value must be, if it is not.
  private let brokenRule: @Sendable (Root) -> String?

  init(
    _ name: String, key: String? = nil, option: String?, help: String, valueName: String? = nil, _ value: Value,
    isOptional: Bool = false, brokenRule: @escaping @Sendable (Root) -> String? = { _ in nil }
  ) {
    self.name = name
    self.key = key ?? Self.joined(name, by: "_")
    self.option = option
    self.help = help
    self.valueName = valueName
    self.value = value
    self.isOptional = isOptional
    self.brokenRule = brokenRule
  }

  /// With an option of the same name.
  init(
    _ name: String, key: String? = nil, help: String, valueName: String? = nil, _ value: Value,
    isOptional: Bool = false, brokenRule: @escaping @Sendable (Root) -> String? = { _ in nil }
  ) {
    self.init(
      name, key: key, option: Self.joined(name, by: "-"), help: help, valueName: valueName, value,
      isOptional: isOptional, brokenRule: brokenRule)
  }

  /// The words of a name, which is ASCII, in small letters.
  private static func joined(_ name: String, by separator: Character) -> String {
    String(
      name.utf8.map { byte in
        switch byte {
        case UInt8(ascii: " "), UInt8(ascii: "-"): separator
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): Character(Unicode.Scalar(byte + 32))
        default: Character(Unicode.Scalar(byte))
        }
      })
  }
}

extension Setting {
  /// Refuses a value that there is not.
  func validate(_ root: Root) throws(ConfigurationError) {
    switch value {
    case .integer(let range, let get, _):
      let found = get(root)
      if let rule = brokenRule(root) { throw ConfigurationError(name, value: found, rule: rule) }
      guard range.contains(found) else { throw ConfigurationError(name, value: found, rule: rule) }
    case .number(let kind, let get, _):
      let found = get(root)
      if let rule = brokenRule(root) { throw ConfigurationError(name, value: found, rule: rule) }
      guard kind.contains(found) else { throw ConfigurationError(name, value: found, rule: rule) }
    case .size(let range, let get, _):
      let found = get(root)
      guard range.contains(found.height), range.contains(found.width) else {
        throw ConfigurationError(name, value: found.text, rule: rule)
      }
    case .choice, .numbers, .list: break
    }
  }

  /// What the value must be, as the end of "must be …".
  public var rule: String {
    switch value {
    case .integer(let range, _, _):
      range.upperBound == .max ? "at least \(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
    case .size(let range, _, _): "\(range.lowerBound) to \(range.upperBound), or two such as 28x56"
    case .number(.positive, _, _): "a positive number"
    case .number(.notNegative, _, _): "0 or a positive number"
    case .number(.share, _, _): "at least 0 and less than 1"
    case .choice(let words, let others, _, _):
      (others == nil ? words.dropLast() : words[...]).joined(separator: ", ") + " or \(others ?? words.last ?? "")"
    case .list(let form, _, _, _), .numbers(let form, _, _, _): form
    }
  }
}

extension Setting.NumberRule {
  func contains(_ number: Double) -> Bool {
    switch self {
    case .positive: number > 0 && number.isFinite
    case .notNegative: number >= 0 && number.isFinite
    case .share: number >= 0 && number < 1
    }
  }
}

extension ImageSize {
  /// "28" for a square, else "28x56".
  public var text: String { height == width ? "\(height)" : "\(height)x\(width)" }

  /// From "28" or "28x56", without "+" and leading zeros.
  public init?(_ text: String) {
    let sides = text.split(separator: "x", maxSplits: 2, omittingEmptySubsequences: false).compactMap { Int($0) }
    guard let height = sides.first, let width = sides.last, sides.count <= 2 else { return nil }
    self.init(height, width)
    guard text == self.text || text == "\(height)x\(width)" else { return nil }
  }
}
