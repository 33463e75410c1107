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

  /// By name. Numbers as numbers, words as words, direct features as objects of numbers, other lists as lists of words.
  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    for setting in table {
      let words = setting.name.lowercased().split { " -".contains($0) }
      let key = Key(stringValue: words.joined(separator: "_"))
      switch setting.value {
      case .integer(_, let get, _): try container.encode(get(root), forKey: key)
      case .size(_, let get, _):
        let size = get(root)
        if size.height == size.width {
          try container.encode(size.height, forKey: key)
        } else {
          try container.encode(size.text, forKey: key)
        }
      case .number(_, let get, _): try container.encode(get(root), forKey: key)
      case .numbers(_, _, let get, _): try container.encode(get(root), forKey: key)
      case .choice(_, _, let get, _): try container.encode(get(root), forKey: key)
      case .list("degree:count", _, let get, _):
        let features = get(root).compactMap(ModelConfiguration.DirectFeatures.init)
        try container.encode(features.map { ["degree": $0.degree, "count": $0.count] }, forKey: key)
      case .list("channels,kernel,stride,padding", _, let get, _):
        let stages = get(root).compactMap(ModelConfiguration.LocalStage.init)
        try container.encode(
          stages.map {
            ["channels": $0.channels, "kernel": $0.kernel, "stride": $0.stride, "padding": $0.padding]
          }, forKey: key)
      case .list(_, _, let get, _): try container.encode(get(root), forKey: key)
      }
    }
  }

  /// The text of the setting called `name`, as its option takes it.
  func text(_ name: String) -> String {
    table.first { $0.name == name }.map { $0.argument(of: root) } ?? ""
  }
}
