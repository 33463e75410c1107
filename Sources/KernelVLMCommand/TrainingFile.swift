import KernelVLM

/// The file that a training is saved to, at its end and on the way.
final class TrainingFile {
  let path: String
  /// Steps between two saves on the way; nil for none.
  private let interval: Int?
  private let dataset: Dataset
  private let kernels: KernelChoice
  private lazy var imagesSHA256 = dataset.train.sha256
  private var hasFailed = false

  init(path: String, interval: Int?, dataset: Dataset, kernels: KernelChoice) {
    self.path = path
    self.interval = interval
    self.dataset = dataset
    self.kernels = kernels
  }

  /// Saves after every `interval` steps but the last. That it cannot be done is no reason to stop: a line says so, and
  /// it is tried again.
  func saveIfDue(_ session: any TrainingSession) {
    guard let interval, session.stepsDone % interval == 0, session.stepsDone < session.recipe.steps else { return }
    do {
      try save(session)
      hasFailed = false
    } catch {
      if !hasFailed { Output.note("Going on without a save after \(session.stepsDone.of("step")): \(error)") }
      hasFailed = true
    }
  }

  func save(_ session: any TrainingSession) throws(FileError) {
    try Checkpoint(
      session, kernels: kernels, dataset: dataset.name.rawValue, imagesSHA256: imagesSHA256,
      provenance: ["version": KernelVLMCommand.version]
    ).save(path)
  }
}
