import KernelVLM

/// Greedy generation: some drawn test images spelled, or, if all of them, judged too.
struct SpellingCase {
  let images: Int
  let threads: Int
  let kernels: ModelKernels

  private var isEvaluation: Bool { images == testDigits.count }

  var benchmark: ModelBenchmark {
    ModelBenchmark(
      caseName: "\(isEvaluation ? "Evaluation" : "Generation")_images_\(images)", threads: threads,
      kernels: kernels.name, violations: violations,
      prepare: {
        let model = try kernels.choice().model(trainedModel.get())
        guard isEvaluation else { return { try model.spell(testDigits, 0..<images, threads: threads).count } }
        return { try model.evaluate(testDigits, threads: threads).count }
      })
  }

  /// The words must be those of Double, of as many images as two threads share. A token whose probability is above one
  /// half by more than Float's error is the likeliest whoever computes it; a word with a less certain one is not compared.
  private func violations() throws -> [String] {
    let range = 0..<128
    let expected = try ModelKernels.expected().model(trainedModel.get()).spell(testDigits, range, threads: 1)
    let spelled = try kernels.choice().model(trainedModel.get()).spell(testDigits, range, threads: threads)
    let certain = expected.indices.filter { expected[$0].probabilities.allSatisfy { $0 > 0.51 } }
    let wrong = certain.first { spelled[$0].tokens != expected[$0].tokens }
    return (2 * certain.count > range.count ? [] : ["only \(certain.count) of \(range.count) words are certain"])
      + (wrong.map { ["image \($0) is \(spelled[$0].word), expected \(expected[$0].word)"] } ?? [])
  }
}

private let testDigits = DrawnDigits().images(.test, 0..<DrawnDigits().count(.test))

/// The default preset after a tenth of its batches of 8: it spells most digits.
private let trainedModel = Result {
  var recipe = Preset.exact.recipe
  recipe.batch = 8
  recipe.order = .shuffled
  let session = try KernelChoice().train(
    Preset.exact.configuration, recipe: recipe, images: trainingDigits, threads: 1)
  for _ in 0..<recipe.steps / 10 { _ = try session.step(reportsReconstruction: false) }
  return Checkpoint(session.model, provenance: [:])
}
