/// The tokens of a list of names: their letters, a begin and an end.
///
/// Letters have the ids 0, 1, … in sorted order, then come BOS and EOS. The text of an image is BOS, its name's letters,
/// EOS. The default, zero to nine, has e f g h i n o r s t u v w x z = 0-14, BOS = 15, EOS = 16.
public struct Vocabulary: Sendable, Equatable {
  /// The names, in the order of the labels.
  public let names: [String]
  /// The letter of each id below `bos`.
  public let letters: [Character]
  /// The text of each name: BOS, letters, EOS.
  public let texts: [[Int32]]

  /// zero to nine.
  public static let digitNames = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]

  /// - Throws: `ConfigurationError` for an empty list, more names than a label byte can tell apart, an empty name, or
  ///   the same name twice.
  public init(names: [String] = Self.digitNames) throws(ConfigurationError) {
    guard (1...256).contains(names.count) else {
      throw ConfigurationError("number of names", value: names.count, rule: "1 to 256")
    }
    for (index, name) in names.enumerated() {
      if name.isEmpty { throw ConfigurationError("name \(index)", value: "empty", rule: "at least one letter") }
      if let first = names[..<index].firstIndex(of: name) {
        throw ConfigurationError("name \(index)", value: name, rule: "different from name \(first)")
      }
    }
    let letters = Set(names.joined()).sorted()
    self.names = names
    self.letters = letters
    let bos = Int32(letters.count)
    texts = names.map { name in [bos] + name.map { Self.id(of: $0, in: letters) ?? 0 } + [bos + 1] }
  }

  /// The letter's index; by bisection, since a file may name very many.
  private static func id(of letter: Character, in letters: [Character]) -> Int32? {
    var range = letters.indices
    while !range.isEmpty {
      let middle = range.lowerBound + range.count / 2
      if letters[middle] == letter { return Int32(middle) }
      range = letters[middle] < letter ? middle + 1..<range.upperBound : range.lowerBound..<middle
    }
    return nil
  }

  /// The id that begins every text.
  public var bos: Int32 { Int32(letters.count) }
  /// The id that ends every text.
  public var eos: Int32 { bos + 1 }
  /// V, the number of tokens.
  public var size: Int { letters.count + 2 }

  /// BOS, the letters of `name`, EOS; `name` need not be one of `names`.
  /// - Throws: `ConfigurationError` for a letter that no name has.
  public func encode(_ name: String) throws(ConfigurationError) -> [Int32] {
    var text = [bos]
    for letter in name {
      guard let id = Self.id(of: letter, in: letters) else {
        throw ConfigurationError("letter of \(name)", value: letter, rule: "one of \(String(letters))")
      }
      text.append(id)
    }
    return text + [eos]
  }

  /// The letters of `tokens`, from after a leading BOS to before the first EOS or further BOS.
  public func decode(_ tokens: some Sequence<Int32>) -> String {
    var word = ""
    for (position, token) in tokens.enumerated() where !(position == 0 && token == bos) {
      precondition(token >= 0 && token < size, "token \(token) of \(size)")
      if token >= bos { break }
      word.append(letters[Int(token)])
    }
    return word
  }

  /// What to show for each token.
  public var symbols: [String] { (0..<Int32(size)).map(symbol) }

  /// What to show for a token: its letter, "BOS" or "EOS".
  public func symbol(_ token: Int32) -> String {
    precondition(token >= 0 && token < size, "token \(token) of \(size)")
    return token < bos ? String(letters[Int(token)]) : token == bos ? "BOS" : "EOS"
  }
}
