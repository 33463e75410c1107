import ReferenceKernels
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

extension ModelConfiguration.Attention {
  /// Those of the published program, and one whose partial scores are four.
  static let tested = [dot, tensor, ModelConfiguration.Attention(degree: 4)]
}

/// The model graph against its formulas written out: from one layer to four, and beyond the eight letters of the digits.
struct PlainModelTests {
  static let names = ["o", "twentyseventhousand", "three", "seventeen"]

  /// A model whose scores are near 1, of several heads and kinds of features, for long names.
  static func model<K: Kernels>(
    _ kernels: K, layers: Int, attention: ModelConfiguration.Attention = .tensor
  ) throws -> VisionLanguageModel<K> {
    var c = ModelConfiguration()
    c.layers = layers
    c.attention = attention
    c.imageSize = 5
    c.baseFeatures = 3
    c.tensorTokens = 4
    c.direct = [.init(degree: 3, count: 2), .init(degree: 2, count: 5)]
    c.width = 24
    c.heads = 3
    c.mlpRatio = 2
    c.maximumTextLength = 21
    c.names = Self.names
    let model = try VisionLanguageModel(c, kernels: kernels)
    model.drawParameters(seed: 11)
    for index in 0..<model.table.count { model.buffer.all[0, index] *= 3 }
    return model
  }

  /// Fills rows with numbers in 0 ..< 1, of length 1.
  static func fill<Scalar: KernelScalar>(_ x: Matrix<Scalar>) {
    var random = MersenneTwister(seed: 3)
    for image in 0..<x.rows {
      let pixels = (0..<x.columns).map { _ in random.uniform() }
      let norm = pixels.reduce(0) { $0 + $1 * $1 }.squareRoot()
      for (pixel, value) in pixels.enumerated() { x[image, pixel] = Scalar(value / norm) }
    }
  }

  private func row<Scalar: KernelScalar>(_ matrix: Matrix<Scalar>, _ row: Int) -> [Double] {
    (0..<matrix.columns).map { Double(matrix[row, $0]) }
  }

  private func expectLogits<K: Kernels>(
    _ kernels: K, within bound: Double, layers: Int, attention: ModelConfiguration.Attention
  ) throws {
    let model = try Self.model(kernels, layers: layers, attention: attention)
    let plain = PlainModel(model)
    let workspace = Workspace<K.Scalar>()
    let texts = [3, 1, 0].map { model.vocabulary.texts[$0] }
    let block = workspace.microbatch(texts: texts, configuration: model.configuration, batch: texts.count)
    Self.fill(block.x)
    let base = model.encoder.forward(block.x, reconstruction: false, &workspace.arena).base
    let logits = model.transformer.forward(block, base: base, &workspace.arena).logits
    defer { withExtendedLifetime(workspace) {} }
    for (image, text) in texts.enumerated() {
      let expected = plain.logits(row(block.x, image), text.dropLast())
      #expect(expected.count == block.text(image).count)
      for (position, found) in zip(expected.indices, block.text(image)) {
        #expect(relativeError(row(logits, found), expected[position]) < bound, "image \(image), position \(position)")
      }
    }
  }

  /// 1e-12 is some thousand roundings of Double.
  @Test(arguments: 1...4, ModelConfiguration.Attention.tested)
  func logitsAreThoseOfTheFormulas(layers: Int, attention: ModelConfiguration.Attention) throws {
    try expectLogits(Reference<Double>(), within: 1e-12, layers: layers, attention: attention)
  }

  /// 1e-4 is some thousand roundings of Float; a row that is left out changes the first digits.
  @Test(arguments: [1, 3], ModelConfiguration.Attention.tested)
  func soAreThoseOfC(layers: Int, attention: ModelConfiguration.Attention) throws {
    for kernels in everyCKernels { try expectLogits(kernels, within: 1e-4, layers: layers, attention: attention) }
  }

  /// With the rows of BOS and EOS zero, a word hardly ever ends before the last position.
  @Test(arguments: [1, 3], ModelConfiguration.Attention.tested)
  func everyLetterOfALongWordIsTheLikeliest(layers: Int, attention: ModelConfiguration.Attention) throws {
    let model = try Self.model(Reference<Double>(), layers: layers, attention: attention)
    let head = try #require(model.table.entries.last)
    for token in [model.vocabulary.bos, model.vocabulary.eos] {
      model.matrix(head).rows(Int(token)..<Int(token) + 1).fill(0)
    }
    let plain = PlainModel(model)
    let workspace = Workspace<Double>()
    let x = workspace.arena.matrix(3, model.configuration.pixels)
    Self.fill(x)
    let inputs = (0..<x.rows).map { row(x, $0) }
    let spellings = model.spell(x, workspace)
    #expect(spellings.contains { $0.tokens.count == model.configuration.maximumTextLength })
    for (input, spelling) in zip(inputs, spellings) {
      let logits = plain.logits(input, [model.vocabulary.bos] + spelling.tokens.dropLast())
      for (position, token) in spelling.tokens.enumerated() {
        let probs = PlainModel.softmax(logits[position])
        #expect(probs.indices.max { probs[$0] < probs[$1] } == Int(token), "position \(position)")
        #expect(abs(probs[Int(token)] - spelling.probabilities[position]) < 1e-12, "position \(position)")
      }
    }
  }

  /// The rows of the head for the second letter and for BOS, or EOS, change places: a word that would have gone on ends.
  @Test(arguments: [false, true]) func eitherEndEndsAWord(eos: Bool) throws {
    let model = try Self.model(Reference<Double>(), layers: 1)
    func spell() -> [Spelling] {
      let workspace = Workspace<Double>()
      let x = workspace.arena.matrix(6, model.configuration.pixels)
      Self.fill(x)
      return model.spell(x, workspace)
    }
    let letters = { (tokens: [Int32]) in
      tokens.count > 2 && tokens[0] != tokens[1] && tokens[1] < model.vocabulary.bos
    }
    let before = spell()
    let image = try #require(before.firstIndex { letters($0.tokens) })
    let (letter, end) = (before[image].tokens[1], eos ? model.vocabulary.eos : model.vocabulary.bos)
    let head = model.matrix(try #require(model.table.entries.last))
    for column in 0..<head.columns {
      (head[Int(letter), column], head[Int(end), column]) = (head[Int(end), column], head[Int(letter), column])
    }
    let after = spell()[image]
    #expect(after.tokens == [before[image].tokens[0], end])
    #expect(after.word.count == 1 && after.probabilities.count == 2)
  }
}
