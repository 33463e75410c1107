import KernelVLM

/// What a training is to be: what the options say, or else what the file says that it goes on from.
struct TrainingPlan {
  let kernels: KernelChoice
  private(set) var configuration: ModelConfiguration
  private(set) var recipe: Recipe
  /// Where it goes on; nil if it begins.
  let saved: SavedTraining?
  /// The model whose weights it begins with; nil if they are drawn.
  let start: Checkpoint?
  /// What its file says of where it comes from.
  let provenance: [String: String]

  /// The metadata's name for the SHA-256 of the weights that a training began with.
  static let fromKey = "from_weights_sha256"

  /// - Throws: `ConfigurationError` for settings that do not go together, and for an option that contradicts the file;
  ///   `FileError` for a file that no training can go on from.
  init(_ options: Train) throws {
    guard let path = options.resume else {
      let preset = options.preset ?? .exact
      kernels = try options.kernelOptions.choice()
      let start = try options.from.map { path in (path, try Checkpoint(path: path)) }
      configuration =
        try start.map { path, checkpoint in try Self.configuration(checkpoint, options, path: path) }
        ?? options.modelOptions.configuration(preset)
      recipe = try options.recipeOptions.recipe(preset)
      self.start = start?.1
      saved = nil
      provenance = Self.provenance(from: start?.1.weightsSHA256)
      return
    }
    let saved = try SavedTraining(path: path)
    configuration = try Self.configuration(saved.checkpoint, options, path: path)
    recipe = try options.recipeOptions.applied(to: saved.recipe)
    if saved.isFinished, recipe.steps > saved.stepsDone {
      throw ConfigurationError(
        "steps", value: recipe.steps,
        rule: "\(saved.stepsDone), since the schedule of \(path) is done: '\(Self.trainingOn(path))' trains it on")
    }
    try saved.require(recipe)
    kernels = try options.kernelOptions.choice(saved.kernels)
    try saved.require(kernels)
    self.saved = saved
    start = nil
    provenance = Self.provenance(from: saved.checkpoint.provenance[Self.fromKey])
  }

  /// Held-out images by default, and the most that are a sixth of the images.
  private static let heldOut = 2000

  /// Takes the names of the images for those of a model that begins, unless an option says others.
  mutating func take(names: [String]?, _ options: Train) throws {
    guard saved == nil, start == nil, let names else { return }
    configuration = try options.modelOptions.configuration(options.preset ?? .exact, names: names)
  }

  /// Fits a model that begins to the images, where no option says otherwise.
  mutating func fit(to images: LabelledImages, _ options: Train) throws {
    if saved == nil, start == nil {
      configuration = try options.modelOptions.configuration(
        options.preset ?? .exact, names: configuration.names, size: images.size)
    }
    guard options.evaluateEvery != nil else { return }
    if saved == nil, options.recipeOptions.heldOut == nil { recipe.heldOut = min(Self.heldOut, images.count / 6) }
    guard recipe.heldOut > 0 else {
      throw ConfigurationError(
        "held out", value: 0, rule: "at least 1 with --evaluate-every, from the training's first step on")
    }
  }

  /// That of the file, which options may repeat but not contradict.
  private static func configuration(
    _ checkpoint: Checkpoint, _ options: Train, path: String
  ) throws -> ModelConfiguration {
    var configuration = checkpoint.configuration
    if let preset = options.preset { configuration = try preset.applied(to: configuration) }
    configuration = try options.modelOptions.applied(to: configuration)
    try checkpoint.require(configuration, path: path)
    return configuration
  }

  private static func provenance(from start: String?) -> [String: String] {
    ["version": KernelVLMCommand.version].merging(start.map { [fromKey: $0] } ?? [:]) { $1 }
  }

  private static func trainingOn(_ path: String) -> String {
    Invocation.command(["train", "--from", Invocation.argument(path), "--save", "next.safetensors"])
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
      profile: profile, from: start)
  }

  /// Lines that say where it goes on, and why its last bits may not be those of a training without a break.
  func resumption(_ path: String) -> [String] {
    guard let saved else { return [] }
    var lines = ["Resumed: \(path), \(saved.stepsDone.grouped) of \(recipe.steps.of("step")) done"]
    if saved.isFinished { lines.append("Its schedule is done; to train it on: \(Self.trainingOn(path))") }
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

extension Preset {
  /// `configuration` with the settings in which presets differ, but for those that follow the images.
  fileprivate func applied(to configuration: ModelConfiguration) throws -> ModelConfiguration {
    let followers = ["image size", "names", "maximum text length"]
    var applied = configuration
    for setting in ModelConfiguration.settings where !followers.contains(setting.name) {
      let texts = Set(Preset.allCases.map { setting.text(of: $0.configuration) })
      guard texts.count > 1 else { continue }
      _ = try setting.set(setting.text(of: self.configuration), in: &applied, separator: "\n")
    }
    return applied
  }
}
