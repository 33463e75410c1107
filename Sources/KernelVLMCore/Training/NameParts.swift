/// How often the parts of composed names are spelled right: of "forty-two" what stands before the hyphen, the hyphen, and
/// what stands behind it.
public struct NameParts: Equatable, Sendable {
  /// Images.
  public let count: Int
  /// Those whose word has a hyphen just if their name has one.
  public let hyphen: Int
  /// Images whose name has a hyphen.
  public let composed: Int
  /// Those of them whose word begins as their name does, up to its hyphen.
  public let tens: Int
  /// Those of them whose word ends as their name does, from its hyphen on.
  public let units: Int

  /// - Parameters:
  ///   - words: what was spelled.
  ///   - labels: for each word the index of its true name.
  ///   - names: in the order of the labels.
  /// - Returns: nil if no name has a hyphen.
  public init?(words: [String], labels: some Collection<UInt8>, names: [String]) {
    guard names.contains(where: { $0.contains("-") }) else { return nil }
    var (hyphen, composed, tens, units) = (0, 0, 0, 0)
    for (word, label) in zip(words, labels) {
      let (name, found) = (Self.parts(of: names[Int(label)]), Self.parts(of: word))
      if (name.units == nil) == (found.units == nil) { hyphen += 1 }
      guard let end = name.units else { continue }
      composed += 1
      if found.tens == name.tens { tens += 1 }
      if found.units == end { units += 1 }
    }
    (self.hyphen, self.composed, self.tens, self.units) = (hyphen, composed, tens, units)
    count = words.count
  }

  /// What stands before the first hyphen, and behind it if there is one.
  private static func parts(of word: String) -> (tens: Substring, units: Substring?) {
    guard let hyphen = word.firstIndex(of: "-") else { return (word[...], nil) }
    return (word[..<hyphen], word[word.index(after: hyphen)...])
  }
}
