import ArgumentParser
import KernelVLM

/// How a model is trained. An option that is not given is nil: its default is the preset's, or that of a training that
/// is resumed.
struct RecipeOptions: ParsableArguments {
  private static var standard: Recipe { Recipe() }

  @Option(
    parsing: .unconditional,
    help: """
      Steps to run; fewer than --schedule-steps cut the run short and leave its schedule as it is (default: \
      \(Self.standard.steps)).
      """)
  var steps: Int?

  @Option(
    parsing: .unconditional, help: "Images of a step; the gradient is their mean (default: \(Self.standard.batch)).")
  var batch: Int?

  @Option(
    parsing: .unconditional,
    help: "Seed of the initial parameters and of the shuffled order (default: \(Self.standard.seed)).",
    transform: Self.seed)
  var seed: UInt32?

  @Option(name: .customLong("init"), help: "The random stream of the initial parameters: NumPy's legacy one.")
  var initialParameters = InitialParameters.numpy

  @Option(
    parsing: .unconditional,
    help: "Learning rate at the start of the schedule (default: \(Self.standard.learningRate)).")
  var learningRate: Double?

  @Option(help: "How the learning rate falls to 0 (default: \(Self.standard.schedule.rawValue)).")
  var schedule: Recipe.Schedule?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Steps over which it falls (default: \(Self.standard.scheduleSteps), or --steps if that is more).",
      valueName: "steps"))
  var scheduleSteps: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Steps at the beginning over which it rises (default: \(Self.standard.warmUp)).", valueName: "steps"))
  var warmUp: Int?

  @Option(parsing: .unconditional, help: "Adam's decay of the mean gradient (default: \(Self.standard.beta1)).")
  var beta1: Double?

  @Option(parsing: .unconditional, help: "Adam's decay of the mean squared gradient (default: \(Self.standard.beta2)).")
  var beta2: Double?

  @Option(parsing: .unconditional, help: "Decoupled weight decay (default: \(Self.standard.weightDecay)).")
  var weightDecay: Double?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Largest norm of the gradient of each vision feature tensor (default: \(Self.standard.featureClip)).",
      valueName: "norm"))
  var featureClip: Double?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Largest norm of the whole gradient, after --feature-clip (default: \(Self.standard.clip)).", valueName: "norm"))
  var clip: Double?

  @Option(
    help: """
      The order of the images: the file's, or another permutation for each pass (default: \
      \(Self.standard.order.rawValue)).
      """)
  var order: Recipe.Order?

  static func seed(_ text: String) throws -> UInt32 {
    guard let seed = UInt32(text) else { throw ValidationError("must be 0 to \(UInt32.max)") }
    return seed
  }

  func recipe(_ preset: Preset) throws -> Recipe {
    var r = applied(to: preset.recipe)
    r.scheduleSteps = scheduleSteps ?? max(r.scheduleSteps, r.steps)
    try r.validate()
    return r
  }

  /// `recipe` with what these options change.
  func applied(to recipe: Recipe) -> Recipe {
    var r = recipe
    r.steps = steps ?? r.steps
    r.scheduleSteps = scheduleSteps ?? r.scheduleSteps
    r.batch = batch ?? r.batch
    r.seed = seed ?? r.seed
    r.learningRate = learningRate ?? r.learningRate
    r.schedule = schedule ?? r.schedule
    r.warmUp = warmUp ?? r.warmUp
    r.beta1 = beta1 ?? r.beta1
    r.beta2 = beta2 ?? r.beta2
    r.weightDecay = weightDecay ?? r.weightDecay
    r.featureClip = featureClip ?? r.featureClip
    r.clip = clip ?? r.clip
    r.order = order ?? r.order
    return r
  }
}
