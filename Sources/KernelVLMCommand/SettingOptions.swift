import ArgumentParser
import KernelVLM

/// Options that are settings of a table: each property is the text of the setting whose option it is, nil if it is not
/// given. Its default is then the preset's, or that of a training that is resumed.
protocol SettingOptions {
  associatedtype Root
  static var table: [Setting<Root>] { get }
}

extension SettingOptions {
  /// What is given, by option: "image-size".
  var texts: [String: String] {
    var texts: [String: String] = [:]
    for child in Mirror(reflecting: self).children {
      guard let label = child.label, let option = child.value as? Option<String?> else { continue }
      texts[Self.option(of: label)] = option.wrappedValue
    }
    return texts
  }

  /// What is given, as words for a shell, in the order of the table.
  var arguments: [String] {
    let texts = texts
    return Self.table.flatMap { setting in
      guard let option = setting.option, let text = texts[option] else { return [String]() }
      return ["--\(option)", Invocation.argument(text)]
    }
  }

  /// The options that there are.
  static func options(of value: Self) -> Set<String> {
    Set(
      Mirror(reflecting: value).children.compactMap { child in
        child.value is Option<String?> ? child.label.map(option(of:)) : nil
      })
  }

  /// `root` with what these options change.
  /// - Throws: `ConfigurationError` for a text that is not of its setting's form.
  func applied(to root: Root) throws(ConfigurationError) -> Root { try Self.table.applying(texts, to: root) }

  /// "image-size" for the stored property of the wrapper, "_imageSize".
  private static func option(of label: String) -> String {
    label.drop { $0 == "_" }.map { $0.isUppercase ? "-" + $0.lowercased() : String($0) }.joined()
  }
}

extension Array {
  /// `root` with the settings whose options are keys of `texts`.
  /// - Throws: `ConfigurationError` for a text that is not of its setting's form.
  func applying<Root>(_ texts: [String: String], to root: Root) throws(ConfigurationError) -> Root
  where Element == Setting<Root> {
    var root = root
    for setting in self {
      guard let option = setting.option, let text = texts[option] else { continue }
      // On the command line an empty list has a word of its own.
      let separator = setting.argumentSeparator
      let isSet = try setting.set(
        text == "none" && separator != nil ? "" : text, in: &root, separator: separator ?? ",")
      if !isSet { throw ConfigurationError(setting.name, text: text, rule: setting.argumentForm) }
    }
    return root
  }
}

extension Setting {
  /// What stands between two entries of a list on the command line; nil for what is no list.
  var argumentSeparator: Character? {
    switch value {
    case .list(_, let separator, _, _): separator
    case .numbers: ","
    default: nil
    }
  }

  /// The value as its option takes it.
  func argument(of root: Root) -> String {
    guard let separator = argumentSeparator else { return text(of: root) }
    let text = text(of: root, separator: String(separator))
    return text.isEmpty ? "none" : text
  }

  /// What form its text has on the command line.
  fileprivate var argumentForm: String {
    switch value {
    case .list(let form, ",", _, _): "\(form), separated by commas"
    case .list(let form, let separator, _, _): "\(form), separated by '\(separator)'"
    case .numbers(let form, _, _, _): "\(form), separated by commas"
    case .integer: "an integer, \(rule)"
    case .size, .number, .choice: rule
    }
  }
}

extension Option where Value == String? {
  /// The option `name` of a table, with its help, or another one, and the value that it has by default.
  init<Root>(
    _ name: String, of table: [Setting<Root>], in standard: Root, or other: String? = nil, help: String? = nil
  ) {
    guard let setting = table.first(where: { $0.option == name }) else {
      preconditionFailure("no setting has the option \(name)")
    }
    var (choices, values) = ([String](), "")
    if case .choice(let words, let others, _, _) = setting.value {
      choices = words
      values = "values: \((words + (others.map { [$0] } ?? [])).joined(separator: ", ")); "
    }
    let usual = other ?? setting.argument(of: standard)
    self.init(
      name: .customLong(name), parsing: .unconditional,
      help: ArgumentHelp(
        "\((help ?? setting.help).dropLast()) (\(values)default: \(usual)).", valueName: setting.valueName),
      completion: choices.isEmpty ? nil : .list(choices))
  }
}
