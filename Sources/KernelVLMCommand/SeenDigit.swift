import KernelVLM

/// A digit of a picture, and how a model spells it.
struct SeenDigit {
  /// Names that one asks each for its probability.
  private static let mostNames = 100

  let image: NormalisedImage
  let size: ImageSize
  let trace: Trace
  /// The names and their probabilities, the greatest first; empty for a model of very many names.
  let names: [(name: String, probability: Double)]
  let isName: Bool

  init(_ image: NormalisedImage, size: ImageSize, _ model: any SpellingModel) throws {
    (self.image, self.size) = (image, size)
    trace = try model.trace(image.pixels, size: size)
    let all = model.configuration.names
    isName = all.contains(trace.spelling.word)
    names = try (all.count <= Self.mostNames ? all : [])
      .map { ($0, try model.probability(of: $0, image.pixels, size: size)) }
      .sorted { $0.probability > $1.probability }
  }

  var word: String { trace.spelling.word }
  var isSure: Bool { isName && trace.spelling.probability >= Spelling.sure }

  /// What the likeliest other name is.
  private var nextName: String {
    names.first { $0.name != word }.map { "  or \($0.name) \((100 * $0.probability).fixed(1)) %" } ?? ""
  }

  /// The image as it is seen, and beside it the word, its letters, and what else each might be.
  func text(_ vocabulary: Vocabulary) -> String {
    let drawing = Picture(pixels: image.pixels, size: size).blocks
    let (rows, columns) = (image.box.rows, image.box.columns)
    let doubt = isSure ? "" : isName ? " ?" : " ? (no name)"
    let lines =
      [
        "\(word)\(doubt)  \((100 * trace.spelling.probability).fixed(1)) %\(nextName)",
        "rows \(rows.lowerBound) to \(rows.upperBound - 1), columns \(columns.lowerBound) to \(columns.upperBound - 1)",
        "",
      ] + trace.steps.indices.map { letter($0, vocabulary) }
    let width = (drawing.map(\.count).max() ?? 0) + 2
    return (0..<max(drawing.count, lines.count)).map { index in
      let left = index < drawing.count ? drawing[index] : ""
      return (left.padded(width) + (index < lines.count ? lines[index] : "")).trimmedEnd
    }.joined(separator: "\n")
  }

  /// "s    99.9 % ██████████  z 0.1 %"
  private func letter(_ step: Int, _ vocabulary: Vocabulary) -> String {
    let (token, probability) = (trace.spelling.tokens[step], trace.spelling.probabilities[step])
    let distribution = trace.steps[step].distribution
    let others = distribution.indices.filter { $0 != Int(token) }
    let bar = String(repeating: "█", count: Int((12 * probability).rounded()))
    let next = others.max { distribution[$0] < distribution[$1] }.map { other in
      "  \(vocabulary.symbol(Int32(other)).padded(4)) \((100 * distribution[other]).fixed(1).aligned(5)) %"
    }
    return "\(vocabulary.symbol(token).padded(4)) \((100 * probability).fixed(1).aligned(5)) % "
      + bar.padded(12) + (next ?? "")
  }
}

extension SeenDigit {
  /// As `--json` gives it.
  struct Record: Encodable {
    struct Letter: Encodable {
      let letter: String
      let probability: Double
      let distribution: [String: Double]
    }

    let file: String
    let index: Int
    let box: [Int]
    let word: String
    let probability: Double
    let sure: Bool
    let nameProbabilities: [String: Double]
    let letters: [Letter]
    let features: [Double]?
    let attention: [[[[Double]]]]?
    let pixels: [[UInt8]]?
  }

  /// - Parameter isTraced: whether it has what led to the word.
  func record(_ file: String, _ index: Int, _ vocabulary: Vocabulary, isTraced: Bool) -> Record {
    let (rows, columns, width) = (image.box.rows, image.box.columns, size.width)
    let letters = trace.steps.indices.map { step in
      let distribution = trace.steps[step].distribution.enumerated().map { (vocabulary.symbol(Int32($0)), $1) }
      return Record.Letter(
        letter: vocabulary.symbol(trace.spelling.tokens[step]), probability: trace.spelling.probabilities[step],
        distribution: Dictionary(uniqueKeysWithValues: distribution))
    }
    return Record(
      file: file, index: index, box: [rows.lowerBound, columns.lowerBound, rows.upperBound, columns.upperBound],
      word: word, probability: trace.spelling.probability, sure: isSure,
      nameProbabilities: Dictionary(uniqueKeysWithValues: names.map { ($0.name, $0.probability) }), letters: letters,
      features: isTraced ? trace.features : nil, attention: isTraced ? trace.steps.map(\.attention) : nil,
      pixels: isTraced ? (0..<size.height).map { Array(image.pixels[$0 * width..<($0 + 1) * width]) } : nil)
  }
}
