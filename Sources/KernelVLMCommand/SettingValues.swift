import KernelVLM

/// The values of all settings of a table, for people and as JSON.
struct SettingValues<Root: Sendable>: Encodable, Sendable {
  let table: [Setting<Root>]
  let root: Root

  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  /// Numbers as numbers, words as words, lists as lists of words.
  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    for setting in table {
      let key = Key(stringValue: setting.key)
      switch setting.value {
      case .integer(_, let get, _): try container.encode(get(root), forKey: key)
      case .number(_, let get, _): try container.encode(get(root), forKey: key)
      case .choice(_, _, let get, _): try container.encode(get(root), forKey: key)
      case .list(_, let get, _): try container.encode(get(root), forKey: key)
      }
    }
  }

  /// "image size 14, base features 10, …", but for some of them.
  func text(without left: Set<String>) -> String {
    table.filter { !left.contains($0.name) }.map { "\($0.name) \($0.text(of: root, separator: ","))" }
      .joined(separator: ", ")
  }
}
