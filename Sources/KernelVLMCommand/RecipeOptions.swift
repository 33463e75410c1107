import ArgumentParser
import KernelVLM

/// How a model is trained.
struct RecipeOptions: ParsableArguments, SettingOptions {
  static var table: [Setting<Recipe>] { Recipe.settings }

  @Option("steps", of: Self.table, in: Recipe()) var steps: String?
  @Option("batch", of: Self.table, in: Recipe()) var batch: String?
  @Option("seed", of: Self.table, in: Recipe()) var seed: String?
  @Option("learning-rate", of: Self.table, in: Recipe()) var learningRate: String?
  @Option("schedule", of: Self.table, in: Recipe()) var schedule: String?
  @Option(
    "schedule-steps", of: Self.table, in: Recipe(),
    or: "--steps; of the presets exact and published at least 7000")
  var scheduleSteps: String?
  @Option("warm-up", of: Self.table, in: Recipe()) var warmUp: String?
  @Option("beta1", of: Self.table, in: Recipe()) var beta1: String?
  @Option("beta2", of: Self.table, in: Recipe()) var beta2: String?
  @Option("weight-decay", of: Self.table, in: Recipe()) var weightDecay: String?
  @Option("feature-clip", of: Self.table, in: Recipe()) var featureClip: String?
  @Option("clip", of: Self.table, in: Recipe()) var clip: String?
  @Option("order", of: Self.table, in: Recipe()) var order: String?
  @Option("augmentation", of: Self.table, in: Recipe()) var augmentation: String?
  @Option("unseen", of: Self.table, in: Recipe()) var unseen: String?
  @Option("held-out", of: Self.table, in: Recipe(), or: "0, or 2000 with --evaluate-every") var heldOut: String?

  func recipe(_ preset: Preset) throws -> Recipe { try Self.recipe(texts, preset) }

  /// The preset's, with the settings whose options are keys of `texts`.
  static func recipe(_ texts: [String: String], _ preset: Preset) throws -> Recipe {
    let steps = try table.applying(texts.filter { $0.key == "steps" }, to: preset.recipe).steps
    let r = try table.applying(texts, to: preset.recipe(steps: steps))
    try r.validate()
    return r
  }
}
