import KernelVLM

/// Takes the steps of a recipe and tells of them on the way.
struct TrainingLoop {
  enum Ending {
    case finished
    /// By a signal.
    case interrupted(Int32)
    case failed(TrainingError)
  }

  struct Outcome {
    let ending: Ending
    let stepsDone: Int
    /// Of the last step; nil if there was none.
    let textLoss: Double?
    /// Of the loop alone.
    let seconds: Double
  }

  /// Steps between two log lines.
  private static let logInterval = 100

  let session: any TrainingSession
  let recipe: Recipe
  var log: RunLog?
  private var progress = ProgressLine()
  private let start = ContinuousClock.now

  init(_ session: any TrainingSession, recipe: Recipe, log: RunLog?) {
    self.session = session
    self.recipe = recipe
    self.log = log
  }

  /// Runs to the last step, to the first that fails, or to the one in which a signal comes.
  mutating func run(_ interruption: Interruption) -> Outcome {
    var last: StepReport?
    let ending = takeSteps(interruption, &last)
    let seconds = start.duration(to: .now).seconds
    progress.clear()
    return Outcome(ending: ending, stepsDone: session.stepsDone, textLoss: last?.text, seconds: seconds)
  }

  private mutating func takeSteps(_ interruption: Interruption, _ last: inout StepReport?) -> Ending {
    while session.stepsDone < recipe.steps {
      if let signal = interruption.signal { return .interrupted(signal) }
      let step = session.stepsDone + 1
      let isLogged = step % Self.logInterval == 0 || step == recipe.steps
      do throws(TrainingError) {
        let report = try session.step(reportsReconstruction: isLogged)
        last = report
        if isLogged { tell(report) }
      } catch {
        return .failed(error)
      }
      progress.show(step, of: recipe.steps, "step \(step)/\(recipe.steps)")
    }
    return .finished
  }

  private mutating func tell(_ report: StepReport) {
    let seconds = start.duration(to: .now).seconds
    progress.log(report.logLine(steps: recipe.steps, seconds: seconds))
    let learningRate = recipe.learningRate(at: report.step - 1)
    log?.append(report, learningRate: learningRate, seconds: seconds)
  }
}
