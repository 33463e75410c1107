import KernelVLM

/// What a training is to be: what the options say, or else what the file says that it goes on from.
struct TrainingPlan {
  let kernels: KernelChoice
  let configuration: ModelConfiguration
  let recipe: Recipe
  /// Where it goes on; nil if it begins.
  let saved: SavedTraining?

  /// - Throws: `ConfigurationError` for settings that do not go together, and for an option that contradicts the file;
  ///   `FileError` for a file that no training can go on from.
  init(_ options: Train) throws {
    guard let path = options.resume else {
      let preset = options.preset ?? .exact
      kernels = try options.kernelOptions.choice()
      configuration = try options.modelOptions.configuration(preset)
      recipe = try options.recipeOptions.recipe(preset)
      saved = nil
      return
    }
    let saved = try SavedTraining(path: path)
    var configuration = options.modelOptions.applied(to: saved.checkpoint.configuration)
    if let preset = options.preset, options.modelOptions.gradient == nil {
      configuration.gradient = preset.configuration.gradient
    }
    try saved.require(configuration)
    self.configuration = configuration
    recipe = options.recipeOptions.applied(to: saved.recipe)
    try saved.require(recipe)
    kernels = try options.kernelOptions.choice(saved.kernels)
    try saved.require(kernels)
    self.saved = saved
  }

  /// Where its images are.
  func source(_ options: DataOptions) throws -> DataSource {
    try options.source(saved: saved.map { Dataset.Name(rawValue: $0.dataset) ?? .custom })
  }

  /// The training, at its first step or where it goes on.
  func session(
    _ images: LabelledImages, threads: Int, measuresThreads: Bool, profile: KernelProfile?
  ) throws -> any TrainingSession {
    if let saved {
      return try kernels.resume(
        saved, steps: recipe.steps, images: images, threads: threads, measuresThreads: measuresThreads,
        profile: profile)
    }
    return try kernels.train(
      configuration, recipe: recipe, images: images, threads: threads, measuresThreads: measuresThreads,
      profile: profile)
  }

  /// Lines that say where it goes on, and why its last bits may not be those of a training without a break.
  func resumption(_ path: String) -> [String] {
    guard let saved else { return [] }
    var lines = ["Resumed: \(path), \(saved.stepsDone.grouped) of \(recipe.steps.of("step")) done"]
    if let before = saved.kernels.instructionSet, before != kernels.instructionSet {
      lines.append("Note: it was trained with \(before.rawValue) so far; the last bits depend on the instruction set")
    }
    if let version = saved.checkpoint.provenance["version"], version != KernelVLMCommand.version {
      // From the file, and perhaps no version: what would steer the terminal is escaped.
      let shown = String(reflecting: version)
      lines.append("Note: it was trained by version \(shown) so far; the last bits may depend on the version")
    }
    return lines
  }
}
