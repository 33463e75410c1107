import KernelVLM

/// How often names that were not trained on are spelled.
struct UnseenScore: Encodable {
  let names: [String]
  let images: Int
  let correct: Int
  /// Images of each of the names that were spelled right, and all of them.
  let each: [[Int]]

  /// nil if there are none.
  init?(_ unseen: [String], _ evaluation: Evaluation, names: [String]) {
    guard !unseen.isEmpty else { return nil }
    let scores = unseen.compactMap(names.firstIndex).map(evaluation.name)
    self.names = unseen
    images = scores.reduce(0) { $0 + $1.count }
    correct = scores.reduce(0) { $0 + $1.correct }
    each = scores.map { [$0.correct, $0.count] }
  }

  /// "Not trained on: 53.10 % of 1,003 images (533): forty-two 12/100, …"
  var text: String {
    let scores = zip(names, each).map { "\($0) \($1[0])/\($1[1])" }.joined(separator: ", ")
    return "Not trained on: \(share(correct, of: images)) of \(images.of("image")) (\(correct.grouped)): \(scores)"
  }
}

/// How often the parts of composed names are right: see `NameParts`.
struct PartsScore: Encodable {
  let images: Int
  let hyphenCorrect: Int
  let composedImages: Int
  let tensCorrect: Int
  let unitsCorrect: Int

  /// nil if no name has a hyphen.
  init?(_ spellings: [Spelling], _ labels: [UInt8], names: [String]) {
    guard let parts = NameParts(words: spellings.map(\.word), labels: labels, names: names) else { return nil }
    images = parts.count
    hyphenCorrect = parts.hyphen
    composedImages = parts.composed
    tensCorrect = parts.tens
    unitsCorrect = parts.units
  }

  /// "Of 7,290 names with a hyphen: tens 98.90 %, units 98.71 %; a hyphen where it belongs in 99.93 % of all"
  var text: String {
    "Of \(composedImages.grouped) names with a hyphen: tens \(share(tensCorrect, of: composedImages)), units "
      + "\(share(unitsCorrect, of: composedImages)); a hyphen where it belongs in "
      + "\(share(hyphenCorrect, of: images)) of all"
  }
}

private func share(_ part: Int, of all: Int) -> String { all > 0 ? (Double(part) / Double(all)).percent : "none" }
