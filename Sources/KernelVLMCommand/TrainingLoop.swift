import KernelVLM

/// Takes the steps of a recipe, and saves and tells of them on the way.
struct TrainingLoop {
  struct Outcome {
    /// What ended it before its last step, if it was not a signal.
    let failure: TrainingError?
    let stepsDone: Int
    /// Those of the loop; fewer than are done if the training was resumed.
    let stepsTaken: Int
    /// Of the last step; nil if there was none.
    let textLoss: Double?
    /// Of the loop alone.
    let seconds: Double
  }

  let session: any TrainingSession
  var log: RunLog?
  let sample: HeldOutSample?
  let file: TrainingFile?
  private var progress = ProgressLine()
  private let firstStep: Int
  private let start = ContinuousClock.now
  private let recipe: Recipe
  /// Steps between two log lines.
  private let logInterval: Int
  /// Time that held-out images took.
  private var pause = Duration.zero

  init(
    _ session: any TrainingSession, log: RunLog?, logInterval: Int, sample: HeldOutSample? = nil, file: TrainingFile?
  ) {
    self.session = session
    self.log = log
    self.logInterval = logInterval
    self.sample = sample
    self.file = file
    firstStep = session.stepsDone
    recipe = session.recipe
  }

  /// Runs to the last step, to the first that fails, or to the one in which a signal comes.
  mutating func run(_ interruption: Interruption) -> Outcome {
    var last: StepReport?
    var failure: TrainingError?
    do throws(TrainingError) {
      while session.stepsDone < recipe.steps, interruption.signal == nil {
        last = try takeStep()
        evaluateIfDue()
        file?.saveIfDue(session)
      }
    } catch {
      failure = error
    }
    let seconds = seconds
    progress.clear()
    return Outcome(
      failure: failure, stepsDone: session.stepsDone, stepsTaken: session.stepsDone - firstStep, textLoss: last?.text,
      seconds: seconds)
  }

  private mutating func takeStep() throws(TrainingError) -> StepReport {
    let step = session.stepsDone + 1
    let isLogged = step % logInterval == 0 || step == recipe.steps
    let report = try session.step(reportsReconstruction: isLogged)
    if isLogged { tell(report) }
    let steps = recipe.steps
    progress.show(step - firstStep, of: steps - firstStep, "step \(step)/\(steps)")
    return report
  }

  /// Those of the steps alone.
  private var seconds: Double { (start.duration(to: .now) - pause).seconds }

  private mutating func evaluateIfDue() {
    guard let sample else { return }
    let begin = ContinuousClock.now
    guard let evaluation = sample.evaluation(session) else { return }
    pause += begin.duration(to: .now)
    let (step, seconds) = (session.stepsDone, seconds)
    progress.log(
      "step \("\(step)".aligned(5))/\(recipe.steps) | held out: \(evaluation.accuracy.percent) of "
        + "\(evaluation.count.grouped) images")
    log?.append(evaluation, step: step, seconds: seconds)
  }

  private mutating func tell(_ report: StepReport) {
    let seconds = seconds
    progress.log(report.logLine(steps: recipe.steps, seconds: seconds))
    let learningRate = recipe.learningRate(at: report.step - 1)
    log?.append(report, learningRate: learningRate, seconds: seconds)
  }
}
