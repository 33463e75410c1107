import Foundation
import KernelVLM

/// What `train` finds out, with everything that it depends on.
struct TrainingResult: Encodable {
  let dataset: String
  let trainImages: Int
  let testImages: Int
  let parameters: Int
  let steps: Int
  /// Steps that were done when the training was resumed; left out if it was not.
  let resumedAtStep: Int?
  let batch: Int
  let gradient: String
  let attention: String
  let backend: String
  let precision: String
  let threads: Int
  let isa: String
  let seed: UInt32
  /// Left out if a training was resumed that had no steps left.
  let finalTextLoss: Double?
  let trainSeconds: Double
  let evaluateSeconds: Double
  let testAccuracy: Double
  let testCorrect: Int
  let testInterval: [Double]
  /// Of the names that were not trained on; left out if all were.
  let unseen: UnseenScore?
  /// Of names with a hyphen; left out if there are none.
  let parts: PartsScore?
  let weightsSHA256: String
  /// Where the time of a step went, if that was asked for.
  let profile: [OperationTime]?

  init(
    _ outcome: TrainingLoop.Outcome, _ session: any TrainingSession, _ plan: TrainingPlan, _ dataset: Dataset,
    _ evaluation: Evaluation, _ parts: PartsScore?, evaluateSeconds: Double, profile: [OperationTime]?
  ) {
    let (configuration, kernels, recipe) = (plan.configuration, plan.kernels, plan.recipe)
    self.dataset = dataset.name.rawValue
    trainImages = dataset.train.count
    testImages = dataset.test.count
    parameters = session.model.table.count
    steps = outcome.stepsDone
    resumedAtStep = plan.saved?.stepsDone
    batch = recipe.batch
    gradient = configuration.gradient.rawValue
    attention = configuration.attention.name
    backend = kernels.backend.rawValue
    precision = kernels.precision.rawValue
    threads = session.threads
    isa = kernels.instructionSetName
    seed = recipe.seed
    finalTextLoss = outcome.textLoss
    trainSeconds = outcome.seconds
    self.evaluateSeconds = evaluateSeconds
    testAccuracy = evaluation.accuracy
    testCorrect = evaluation.correct
    testInterval = evaluation.interval.bounds
    unseen = UnseenScore(recipe.unseen, evaluation, names: configuration.names)
    self.parts = parts
    weightsSHA256 = session.model.weightsSHA256
    self.profile = profile
  }

  var text: String {
    let lines = [
      unseen?.text, parts?.text, "Trained on \(dataset): \(steps.of("step")) of \(batch.of("image"))\(time)",
      "Weights: SHA-256 \(weightsSHA256)",
    ]
    return lines.compactMap { $0 }.joined(separator: "\n")
  }

  private var time: String {
    let stepsTaken = steps - (resumedAtStep ?? 0)
    guard stepsTaken > 0 else { return ", all of them before" }
    let share = resumedAtStep == nil ? "" : ", \(stepsTaken.grouped) of them now,"
    let microseconds = trainSeconds / Double(stepsTaken) * 1e6
    return share + " in \(trainSeconds.fixed(2)) s, \(microseconds.fixed(1)) µs a step"
  }
}

extension ClosedRange<Double> {
  var bounds: [Double] { [lowerBound, upperBound] }
}

extension Evaluation {
  /// "91.49 % of the 10,000 test images of mnist (9,149; 95 % interval 90.93 to 92.02 %)"
  func summary(_ split: Split, of dataset: Dataset.Name) -> String {
    let bounds = interval.bounds.map { (100 * $0).fixed(2) }.joined(separator: " to ")
    return "\(accuracy.percent) of the \(count.grouped) \(split.rawValue) images of \(dataset.rawValue) "
      + "(\(correct.grouped); 95 % interval \(bounds) %)"
  }
}
