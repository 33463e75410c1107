import KernelVLM

/// The file that a training is saved to, at its end and on the way.
final class TrainingFile {
  let path: String
  /// Steps between two saves on the way; nil for none.
  private let interval: Int?
  private let dataset: Dataset
  private let kernels: KernelChoice
  private let provenance: [String: String]
  private lazy var imagesSHA256 = dataset.train.sha256
  private var hasFailed = false

  init(path: String, interval: Int?, dataset: Dataset, kernels: KernelChoice, provenance: [String: String]) {
    self.path = path
    self.interval = interval
    self.dataset = dataset
    self.kernels = kernels
    self.provenance = provenance
  }

  /// Saves after every `interval` steps but the last. That it cannot be done is no reason to stop: a line says so, and
  /// it is tried again.
  func saveIfDue(_ session: any TrainingSession) {
    guard let interval, session.stepsDone % interval == 0, session.stepsDone < session.recipe.steps else { return }
    do {
      try save(session)
      hasFailed = false
    } catch {
      if !hasFailed { Output.error("Going on without a save after \(session.stepsDone.of("step")): \(error)") }
      hasFailed = true
    }
  }

  /// - Parameter evaluation: what its model spells of the test images, if that is known.
  func save(_ session: any TrainingSession, _ evaluation: Evaluation? = nil) throws(FileError) {
    try Checkpoint(
      session, kernels: kernels, dataset: dataset.name.rawValue, imagesSHA256: imagesSHA256,
      provenance: provenance.merging(evaluation?.provenance ?? [:]) { $1 }
    ).save(path)
  }
}
