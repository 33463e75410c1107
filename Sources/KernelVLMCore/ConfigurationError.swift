/// A setting whose value breaks a rule: which setting, the value, and the rule.
///
/// Everything that a user may choose (sizes, counts, rates, names) is refused by throwing this before any work is done.
public struct ConfigurationError: Error, Equatable, CustomStringConvertible {
  /// The setting as the user knows it: "image size".
  public let setting: String
  /// The value that was refused, as text.
  public let value: String
  /// What the value must be, as the end of "must be …": "at most 28, the side of the images".
  public let rule: String

  /// The setting, the value that was refused, and the rule that it breaks.
  public init(_ setting: String, value: some CustomStringConvertible, rule: String) {
    self.setting = setting
    self.value = value.description
    self.rule = rule
  }

  /// For a text that is not of its setting's form: the value is shown in quotes.
  public init(_ setting: String, text: String, rule: String) {
    self.init(setting, value: quoted(text), rule: rule)
  }

  public var description: String { "\(setting) is \(value), must be \(rule)" }
}

/// The text in quotes, cut after 80 scalars, those escaped that do not show or that move what follows: fit for an error
/// of one line.
package func quoted(_ text: String) -> String {
  let start = text.unicodeScalars.prefix(80)
  let shown = start.map { scalar in
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned: scalar.escaped(asASCII: true)
    default: "\"\\".unicodeScalars.contains(scalar) ? "\\\(scalar)" : "\(scalar)"
    }
  }
  return "\"\(shown.joined())\"" + (start.endIndex < text.unicodeScalars.endIndex ? "…" : "")
}
