/// How wide text stands in a terminal.
extension Character {
  /// 0 for what only marks the character before, 2 for East Asian wide characters and emoji, else 1.
  var columns: Int {
    unicodeScalars.contains { $0 == "\u{FE0F}" } ? 2 : unicodeScalars.map(\.columns).max() ?? 0
  }
}

extension String {
  var columns: Int { reduce(0) { $0 + $1.columns } }

  /// As much of its beginning as `limit` columns hold.
  func cut(toColumns limit: Int) -> String {
    var width = 0
    return String(
      prefix { character in
        width += character.columns
        return width <= limit
      })
  }

  func padded(_ width: Int) -> String { self + String(repeating: " ", count: Swift.max(0, width - columns)) }
  func aligned(_ width: Int) -> String { String(repeating: " ", count: Swift.max(0, width - columns)) + self }

  /// On a terminal it steers nothing: control characters but line breaks, and those that turn the direction of writing,
  /// are escaped.
  var harmless: String {
    unicodeScalars.map { scalar in
      let steers = scalar.properties.generalCategory == .control && scalar != "\n" || scalar.properties.isBidiControl
      return steers ? scalar.escaped(asASCII: true) : String(scalar)
    }.joined()
  }
}

extension Unicode.Scalar {
  /// The wide and full-width blocks of Unicode's EastAsianWidth.txt, as far as they hold letters and symbols.
  private static let wide: [ClosedRange<UInt32>] = [
    0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF,
    0xFE30...0xFE6F, 0xFF01...0xFF60, 0xFFE0...0xFFE6, 0x17000...0x18DFF, 0x1AFF0...0x1B2FF, 0x20000...0x3FFFD,
  ]

  fileprivate var columns: Int {
    switch properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format, .control: 0
    default: properties.isEmojiPresentation || Self.wide.contains { $0.contains(value) } ? 2 : 1
    }
  }
}
