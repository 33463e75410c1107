import ReferenceKernels

extension Setting {
  /// The value as text: a number's gives back its bits, a list has its entries between separators.
  public func text(of root: Root, separator: String = "\n") -> String {
    switch value {
    case .integer(_, let get, _): "\(get(root))"
    case .size(_, let get, _): get(root).text
    case .number(_, let get, _): "\(get(root))"
    case .choice(_, _, let get, _): get(root)
    case .numbers(_, _, let get, _):
      get(root).contains { $0 != 0 } ? get(root).map { "\($0)" }.joined(separator: separator) : ""
    case .list(_, _, let get, _): get(root).joined(separator: separator)
    }
  }

  /// What form its text has.
  public var form: String {
    switch value {
    case .integer: "an integer"
    case .size: "an integer, or two such as 28x56"
    case .number: "a number"
    case .choice: rule
    case .numbers(let form, _, _, _): "\(form), a line each"
    case .list(let form, _, _, _): "at most \(ModelConfiguration.namesLimit) bytes, \(form) on each line"
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
    case .size(_, _, let set):
      guard let size = ImageSize(text) else { return false }
      set(&root, size)
    case .number(_, _, let set):
      guard let number = Double(text) else { return false }
      set(&root, number)
    case .choice(_, _, _, let set): return set(&root, text)
    case .numbers(_, let count, _, let set):
      let numbers = text.split(separator: separator, omittingEmptySubsequences: false).map { Double($0) }
      guard text.isEmpty || numbers.count == count && !numbers.contains(nil) else { return false }
      set(&root, text.isEmpty ? [Double](repeating: 0, count: count) : numbers.compactMap { $0 })
    case .list(_, _, _, let set):
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
