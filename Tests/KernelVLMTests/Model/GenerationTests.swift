import ReferenceKernels
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

struct GenerationTests {
  static let images = DrawnDigits().images(.test, 0..<50)

  /// A model that has learned a little, so that its words differ.
  static func model(layers: Int) throws -> any SpellingModel {
    var configuration = ModelConfiguration()
    configuration.layers = layers
    var recipe = Recipe()
    recipe.batch = 16
    let session = try KernelChoice(.reference, precision: .double).train(
      configuration, recipe: recipe, images: DrawnDigits().images(.train, 0..<2000), threads: 2)
    for _ in 0..<60 { _ = try session.step(reportsReconstruction: false) }
    return session.model
  }

  /// Generation keeps keys and values; the whole sequence put through the model at once must say the same.
  @Test(arguments: [1, 2])
  func eachTokenIsTheLikeliestOfTheWholeSequence(layers: Int) throws {
    let model = try #require(try Self.model(layers: layers) as? VisionLanguageModel<Reference<Double>>)
    let spellings = try model.spell(Self.images, 0..<Self.images.count, threads: 2)
    #expect(Set(spellings.map(\.word)).count > 2)
    let input = try ImageInput(of: 28, pooled: 14)
    for (image, spelling) in spellings.enumerated() {
      let workspace = Workspace<Double>()
      let text = [model.vocabulary.bos] + spelling.tokens
      let block = workspace.microbatch(texts: [text], configuration: model.configuration, batch: 1)
      _ = input.forward(
        model.kernels, Self.images, CollectionOfOne(image), weights: [], into: block.x, &workspace.arena)
      let vision = model.encoder.forward(block.x, reconstruction: false, &workspace.arena)
      let probs = model.transformer.forward(block, base: vision.base, &workspace.arena).probs
      for (row, token) in spelling.tokens.enumerated() {
        let likeliest = (0..<probs.columns).max { probs[row, $0] < probs[row, $1] }
        #expect(likeliest == Int(token))
        #expect(abs(probs[row, Int(token)] - spelling.probabilities[row]) < 1e-12)
      }
    }
  }

  @Test func wordsEndAtTheEndTokenOrTheLastPosition() throws {
    let model = try Self.model(layers: 1)
    for spelling in try model.spell(Self.images, 0..<Self.images.count, threads: 1) {
      let ended = (spelling.tokens.last ?? 0) >= model.vocabulary.bos
      #expect(ended || spelling.tokens.count == model.configuration.maximumTextLength)
      #expect(spelling.tokens.dropLast().allSatisfy { $0 < model.vocabulary.bos })
      #expect(spelling.word.count == spelling.tokens.count - (ended ? 1 : 0))
    }
  }

  @Test func theNumberOfThreadsAndTheRangeDoNotMatter() throws {
    let model = try Self.model(layers: 1)
    let all = try model.spell(Self.images, 0..<50, threads: 1)
    #expect(try model.spell(Self.images, 0..<50, threads: 4) == all)
    #expect(try model.spell(Self.images, 7..<41, threads: 2) == Array(all[7..<41]))
  }
}
