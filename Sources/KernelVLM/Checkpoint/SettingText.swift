extension Setting {
  /// The value as text: a number's gives back its bits, a list has its entries between separators.
  public func text(of root: Root, separator: String = "\n") -> String {
    switch value {
    case .integer(_, let get, _): "\(get(root))"
    case .number(_, let get, _): "\(get(root))"
    case .choice(_, _, let get, _): get(root)
    case .list(_, let get, _): get(root).joined(separator: separator)
    }
  }

  /// What form its text has.
  public var form: String {
    switch value {
    case .integer: "an integer"
    case .number: "a number"
    case .choice: rule
    case .list(let form, _, _): "at most \(ModelConfiguration.namesLimit) bytes, \(form) on each line"
    }
  }

  /// Sets the value from its text; false if it is not of its form. Integers are taken only as they are written: no "+", no
  /// leading zeros. No text is a list of one empty entry.
  /// - Throws: `ConfigurationError` for an integer that the field cannot hold.
  public func set(
    _ text: String, in root: inout Root, separator: Character
  ) throws(ConfigurationError) -> Bool {
    switch value {
    case .integer(_, let get, let set):
      guard let integer = Int64(text), "\(integer)" == text else { return false }
      set(&root, integer)
      // The field may be narrower. Its range is for `validate`.
      guard get(root) == integer else { throw ConfigurationError(name, value: integer, rule: rule) }
    case .number(_, _, let set):
      guard let number = Double(text) else { return false }
      set(&root, number)
    case .choice(_, _, _, let set): return set(&root, text)
    case .list(_, _, let set):
      guard text.utf8.count <= ModelConfiguration.namesLimit else { return false }
      return set(&root, text.split(separator: separator, omittingEmptySubsequences: false).map(String.init))
    }
    return true
  }
}

extension Array {
  /// The texts of all settings by their keys.
  func texts<Root>(of root: Root) -> [String: String] where Element == Setting<Root> {
    Dictionary(uniqueKeysWithValues: map { ($0.key, $0.text(of: root)) })
  }
}
