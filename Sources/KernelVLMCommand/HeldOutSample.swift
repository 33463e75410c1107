import KernelVLM

/// Training images that are not trained on, by which a training is judged on its way.
struct HeldOutSample {
  private let images: LabelledImages
  private let range: Range<Int>
  /// Steps from one time to the next.
  private let interval: Int

  /// The last `count` of `images`.
  init(_ images: LabelledImages, count: Int, interval: Int) {
    self.images = images
    range = images.count - count..<images.count
    self.interval = interval
  }

  /// What the model spells of them, if its training is at a step for that.
  func evaluation(_ session: any TrainingSession) -> Evaluation? {
    guard session.stepsDone % interval == 0 || session.stepsDone == session.recipe.steps else { return nil }
    // Of their size are all that it is trained on.
    guard let spellings = try? session.model.spell(images, range, threads: session.threads) else { return nil }
    return Evaluation(spellings, labels: images.labels[range], names: session.model.configuration.names)
  }
}
