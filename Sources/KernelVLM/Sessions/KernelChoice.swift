import ReferenceKernels

/// Which kernels to compute with, chosen at run time.
public struct KernelChoice: Equatable, Sendable {
  /// In which language the operations are.
  public enum Backend: String, CaseIterable, Sendable {
    /// C, vectorised, float32.
    case c
    /// Plain Swift.
    case reference
  }

  /// The numbers that they compute with.
  public enum Precision: String, CaseIterable, Sendable {
    /// 32 bits.
    case float
    /// 64 bits; of the reference alone.
    case double
  }

  /// C or Swift.
  public let backend: Backend
  /// Float or Double.
  public let precision: Precision
  /// What the C kernels are compiled for.
  public let instructionSet: InstructionSet

  /// - Throws: `ConfigurationError` for C in Double, which there is not, or an instruction set this processor lacks.
  public init(
    _ backend: Backend = .c, precision: Precision = .float, instructionSet: InstructionSet = .best
  ) throws(ConfigurationError) {
    guard backend == .reference || precision == .float else {
      throw ConfigurationError("precision", value: precision.rawValue, rule: "float with the backend c")
    }
    guard CKernels(instructionSet) != nil else {
      let available = InstructionSet.available.map(\.rawValue).joined(separator: ", ")
      throw ConfigurationError(
        "instruction set", value: instructionSet.rawValue, rule: "one this processor has: \(available)")
    }
    self.backend = backend
    self.precision = precision
    self.instructionSet = instructionSet
  }

  /// What to name beside a figure: "avx2", or "swift" for the reference.
  public var instructionSetName: String { backend == .c ? instructionSet.rawValue : "swift" }

  /// A training that begins with parameters drawn from the recipe's seed, or with those of another model.
  /// - Parameters:
  ///   - configuration: the model.
  ///   - recipe: how it is trained.
  ///   - images: with labels, the indices of the configuration's names.
  ///   - threads: at most so many; no bit depends on it.
  ///   - measuresThreads: whether to use fewer where steps turn out to be faster with fewer.
  ///   - profile: keeps account of the time of the C kernels, which then run on one thread.
  ///   - start: a model of this configuration, whose parameters to begin with; rounded if these kernels are less precise.
  /// - Throws: `ConfigurationError` if the settings or the images do not fit each other, or the reference is profiled.
  public func train(
    _ configuration: ModelConfiguration, recipe: Recipe, images: LabelledImages, threads: Int = 1,
    measuresThreads: Bool = false, profile: KernelProfile? = nil, from start: Checkpoint? = nil
  ) throws(ConfigurationError) -> any TrainingSession {
    try session(
      configuration, recipe, images, threads: threads, measuresThreads: measuresThreads, profile: profile,
      from: start.map(Start.weights) ?? .drawn)
  }

  /// What a training begins with.
  private enum Start {
    case drawn
    case weights(Checkpoint)
    case saved(SavedTraining)
  }

  /// A training that goes on where it was saved: to the same bits as without the break, with the same instruction set.
  /// - Parameters:
  ///   - saved: where it stopped.
  ///   - steps: where it ends, if not where it was to end.
  ///   - images: those that it was trained on.
  ///   - threads: as for `train`; no bit depends on it, nor on the next two.
  ///   - measuresThreads: as for `train`.
  ///   - profile: as for `train`.
  /// - Throws: `ConfigurationError` for another backend or precision, or steps that the schedule does not have;
  ///   `FileError` for other images.
  public func resume(
    _ saved: SavedTraining, steps: Int? = nil, images: LabelledImages, threads: Int = 1, measuresThreads: Bool = false,
    profile: KernelProfile? = nil
  ) throws -> any TrainingSession {
    var recipe = saved.recipe
    recipe.steps = steps ?? recipe.steps
    try saved.require(recipe)
    try saved.require(self)
    try saved.require(images)
    return try session(
      saved.checkpoint.configuration, recipe, images, threads: threads, measuresThreads: measuresThreads,
      profile: profile, from: .saved(saved))
  }

  private func session(
    _ configuration: ModelConfiguration, _ recipe: Recipe, _ images: LabelledImages, threads: Int,
    measuresThreads: Bool, profile: KernelProfile?, from start: Start
  ) throws(ConfigurationError) -> any TrainingSession {
    func session<K: Kernels>(
      _ kernels: K, _ parallel: Parallel, threads: Int
    ) throws(ConfigurationError) -> any TrainingSession {
      let model = try VisionLanguageModel(configuration, kernels: kernels, parallel: parallel)
      let trainer = try Trainer(model, recipe: recipe, images: images, threads: threads)
      switch start {
      case .drawn: model.drawParameters(seed: recipe.seed)
      case .weights(let checkpoint): model.table.write(checkpoint.tensors, to: model.buffer)
      case .saved(let saved): trainer.restore(saved)
      }
      return Session(trainer, measuresThreads: measuresThreads)
    }
    if let profile {
      guard backend == .c else {
        throw ConfigurationError("backend", value: backend.rawValue, rule: "c to be profiled")
      }
      return try session(ProfiledKernels(kernels: cKernels(threads: 1), profile: profile), .serial, threads: 1)
    }
    switch (backend, precision) {
    case (.c, _): return try session(cKernels(threads: threads), .openMP, threads: threads)
    case (.reference, .float): return try session(Reference<Float>(), .threads, threads: threads)
    case (.reference, .double): return try session(Reference<Double>(), .threads, threads: threads)
    }
  }

  /// The model of a checkpoint.
  /// - Throws: `FileError` if its tensors do not fit its configuration.
  public func model(_ checkpoint: Checkpoint) throws -> any SpellingModel {
    switch (backend, precision) {
    case (.c, _): try checkpoint.model(kernels: cKernels(threads: 1), parallel: .openMP)
    case (.reference, .float): try checkpoint.model(kernels: Reference<Float>(), parallel: .threads)
    case (.reference, .double): try checkpoint.model(kernels: Reference<Double>(), parallel: .threads)
    }
  }

  private func cKernels(threads: Int) -> CKernels {
    guard let kernels = CKernels(instructionSet, threads: threads) else {
      preconditionFailure("\(instructionSet) was available and is not")
    }
    return kernels
  }
}

extension KernelChoice {
  /// Trains a model on one thread and measures its accuracy on the test images.
  public func accuracy(
    of configuration: ModelConfiguration, recipe: Recipe, on dataset: Dataset
  ) throws -> Double {
    let session = try train(configuration, recipe: recipe, images: dataset.train, threads: 1)
    try session.finish()
    return try session.model.evaluate(dataset.test, threads: 1).accuracy
  }
}
