/// A training that is under way, whatever its kernels.
public protocol TrainingSession: AnyObject {
  /// Steps done so far.
  var stepsDone: Int { get }
  /// The most threads that share a step.
  var threads: Int { get }
  /// What is trained; each step changes its parameters.
  var model: any SpellingModel { get }
  /// How it is trained.
  var recipe: Recipe { get }
  /// Adam's moments as the tensors of a checkpoint, in the model's own precision: m of each parameter tensor, then v.
  func moments() -> [Safetensors.Tensor]
  /// Takes one step. A step that throws changes nothing.
  /// - Parameter reportsReconstruction: whether to compute the reconstruction error even where no gradient asks for it.
  func step(reportsReconstruction: Bool) throws(TrainingError) -> StepReport
}

extension TrainingSession {
  /// Takes the steps that the recipe has left.
  /// - Parameter report: sees each of them.
  /// - Throws: `TrainingError` at a step that cannot be taken; those before it are done.
  public func finish(_ report: (StepReport) -> Void = { _ in }) throws(TrainingError) {
    while stepsDone < recipe.steps { report(try step(reportsReconstruction: false)) }
  }
}

/// A trainer, and how many threads its steps take.
final class Session<K: Kernels>: TrainingSession {
  private let trainer: Trainer<K>
  /// nil if every step takes all threads that it is worth.
  private var threadChoice: ThreadChoice?

  /// - Parameter measuresThreads: whether to use fewer where steps turn out to be faster with fewer.
  init(_ trainer: Trainer<K>, measuresThreads: Bool) {
    self.trainer = trainer
    threadChoice = measuresThreads && trainer.stepThreads > 1 ? ThreadChoice(most: trainer.stepThreads) : nil
  }

  var stepsDone: Int { trainer.stepsDone }
  var threads: Int { trainer.threads }
  var model: any SpellingModel { trainer.model }
  var recipe: Recipe { trainer.recipe }

  func moments() -> [Safetensors.Tensor] { trainer.momentTensors() }

  func step(reportsReconstruction: Bool) throws(TrainingError) -> StepReport {
    guard let threads = threadChoice?.threads else {
      return try trainer.step(reportsReconstruction: reportsReconstruction)
    }
    let start = ContinuousClock.now
    let report = try trainer.step(threads: threads, reportsReconstruction: reportsReconstruction)
    threadChoice?.record(seconds: start.duration(to: .now) / .seconds(1))
    return report
  }
}
