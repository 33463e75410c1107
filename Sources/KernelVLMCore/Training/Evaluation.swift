/// How well a model spells images whose names are known. An image counts as right only if the whole word is its name.
public struct Evaluation: Equatable, Sendable {
  /// Rows: the true name; columns: the name that was spelled, and last the words that are no name.
  public let confusion: [[Int]]
  /// Images whose probabilities were not finite; they count as wrong, and as no name.
  public private(set) var notFinite = 0

  /// - Parameters:
  ///   - words: what was spelled.
  ///   - labels: for each word the index of its true name.
  ///   - names: in the order of the labels.
  public init(words: [String], labels: some Collection<UInt8>, names: [String]) {
    precondition(words.count == labels.count, "\(words.count) words, \(labels.count) labels")
    var confusion = [[Int]](repeating: [Int](repeating: 0, count: names.count + 1), count: names.count)
    for (word, label) in zip(words, labels) {
      confusion[Int(label)][names.firstIndex(of: word) ?? names.count] += 1
    }
    self.confusion = confusion
  }

  /// As of words; a spelling whose probabilities are not finite is wrong, and no name.
  public init(_ spellings: [Spelling], labels: some Collection<UInt8>, names: [String]) {
    self.init(words: spellings.map { $0.isFinite ? $0.word : "" }, labels: labels, names: names)
    notFinite = spellings.count { !$0.isFinite }
  }

  /// Images.
  public var count: Int { confusion.reduce(0) { $0 + $1.reduce(0, +) } }
  /// Those whose whole word is their name.
  public var correct: Int { confusion.indices.reduce(0) { $0 + confusion[$1][$1] } }
  /// correct / count; 0 without images.
  public var accuracy: Double { count > 0 ? Double(correct) / Double(count) : 0 }
  /// Outputs that are no name at all.
  public var noName: Int { confusion.reduce(0) { $0 + ($1.last ?? 0) } }

  /// How many images have name `label`, and how many of them were spelled right.
  public func name(_ label: Int) -> (count: Int, correct: Int) {
    (confusion[label].reduce(0, +), confusion[label][label])
  }

  /// The 95 % interval of Wilson (1927) for the accuracy: with p = correct / n and z = 1.96,
  /// (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n).
  public var interval: ClosedRange<Double> {
    guard count > 0 else { return 0...1 }
    let z = 1.959963984540054
    let n = Double(count)
    let center = accuracy + z * z / (2 * n)
    let spread = z * (accuracy * (1 - accuracy) / n + z * z / (4 * n * n)).squareRoot()
    let scale = 1 + z * z / n
    return max(0, (center - spread) / scale)...min(1, (center + spread) / scale)
  }
}
