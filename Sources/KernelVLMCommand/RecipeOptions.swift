import ArgumentParser
import KernelVLM

/// How a model is trained.
struct RecipeOptions: ParsableArguments {
  private static var standard: Recipe { Recipe() }

  @Option(help: "Steps to run; fewer than --schedule-steps cut the run short and leave its schedule as it is.")
  var steps = Self.standard.steps

  @Option(help: "Images of a step; the gradient is their mean.")
  var batch = Self.standard.batch

  @Option(help: "Seed of the initial parameters and of the shuffled order.")
  var seed = Self.standard.seed

  @Option(name: .customLong("init"), help: "The random stream of the initial parameters: NumPy's legacy one.")
  var initialParameters = InitialParameters.numpy

  @Option(help: "Learning rate at the start of the schedule.")
  var learningRate = Self.standard.learningRate

  @Option(help: "How the learning rate falls to 0.")
  var schedule = Self.standard.schedule

  @Option(
    help: ArgumentHelp(
      "Steps over which it falls (default: \(Self.standard.scheduleSteps), or --steps if that is more).",
      valueName: "steps"))
  var scheduleSteps: Int?

  @Option(help: ArgumentHelp("Steps at the beginning over which it rises.", valueName: "steps"))
  var warmUp = Self.standard.warmUp

  @Option(help: "Adam's decay of the mean gradient.")
  var beta1 = Self.standard.beta1

  @Option(help: "Adam's decay of the mean squared gradient.")
  var beta2 = Self.standard.beta2

  @Option(help: "Decoupled weight decay.")
  var weightDecay = Self.standard.weightDecay

  @Option(help: ArgumentHelp("Largest norm of the gradient of each vision feature tensor.", valueName: "norm"))
  var featureClip = Self.standard.featureClip

  @Option(help: ArgumentHelp("Largest norm of the whole gradient, after --feature-clip.", valueName: "norm"))
  var clip = Self.standard.clip

  @Option(help: "The order of the images: the file's, or another permutation for each pass.")
  var order = Self.standard.order

  func recipe(_ preset: Preset) throws -> Recipe {
    var r = preset.recipe
    r.steps = steps
    r.scheduleSteps = scheduleSteps ?? max(r.scheduleSteps, steps)
    r.batch = batch
    r.seed = seed
    r.learningRate = learningRate
    r.schedule = schedule
    r.warmUp = warmUp
    r.beta1 = beta1
    r.beta2 = beta2
    r.weightDecay = weightDecay
    r.featureClip = featureClip
    r.clip = clip
    r.order = order
    try r.validate()
    return r
  }
}
