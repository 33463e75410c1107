import ReferenceKernels

/// A training in a file, from where it can go on to the same bits as if it had never stopped.
///
/// It holds all that the next step depends on: configuration, parameters, both moments, the number of steps done, the
/// recipe, and the kernels. The learning rate and the order of the images are functions of the recipe and the number of
/// the step, so that neither a schedule nor a random generator has a state of its own. The images themselves are known
/// by their SHA-256. At the end of its schedule, where the learning rate is 0, a training is its model alone.
public struct SavedTraining: Sendable {
  /// The kernels that it was trained with.
  public struct Kernels: Equatable, Sendable {
    /// C or Swift.
    public let backend: KernelChoice.Backend
    /// Float or Double.
    public let precision: KernelChoice.Precision
    /// nil with the reference.
    public let instructionSet: InstructionSet?
  }

  /// Configuration, parameters and moments.
  public let checkpoint: Checkpoint
  /// How it was trained.
  public let recipe: Recipe
  /// Steps before it was saved.
  public let stepsDone: Int
  /// What it was computed with.
  public let kernels: Kernels
  /// What the images were called.
  public let dataset: String
  /// `LabelledImages.sha256` of the images that it was trained on.
  public let imagesSHA256: String
  let path: String

  /// - Throws: `FileError` if the file is no checkpoint, if it lacks anything that the next step depends on, or if what
  ///   it holds cannot be the state of a training.
  public init(path: String) throws(FileError) {
    try self.init(Checkpoint(path: path), path: path)
  }

  /// The training whose checkpoint was read; `path` is for errors, which are the same.
  public init(_ checkpoint: Checkpoint, path: String) throws(FileError) {
    try self.init(checkpoint, path: path, needsMoments: true)
  }

  /// - Parameter needsMoments: whether a training that has steps left must be able to take them.
  init(_ checkpoint: Checkpoint, path: String, needsMoments: Bool) throws(FileError) {
    self.checkpoint = checkpoint
    self.path = path
    var settings = SettingsReader(checkpoint.provenance, path: path)
    let recipe = try settings.recipe()
    self.recipe = recipe
    stepsDone = try settings.integer("steps", in: 0...recipe.steps)
    kernels = try settings.kernels()
    dataset = try settings.line("dataset")
    imagesSHA256 = try settings.line("train_images_sha256")
    try checkHash(of: checkpoint.tensors, settings.line("weights_sha256"), "parameters")
    if needsMoments && !isFinished || !checkpoint.moments.isEmpty {
      try checkMoments()
      try checkHash(of: checkpoint.moments, settings.line("moments_sha256"), "moments")
    }
  }

  /// Whether its schedule is done, so that no step is left to take.
  public var isFinished: Bool { stepsDone == recipe.scheduleSteps }

  /// Moments of the recorded precision, in the range that the clips leave to them: |m| ≤ clip and 0 ≤ v ≤ clip². Twice
  /// that is let pass for rounding; the optimizer's proof that a step cannot overflow has room for it.
  private func checkMoments() throws(FileError) {
    guard !checkpoint.moments.isEmpty else {
      throw refuse("expected Adam's moments after \(stepsDone) of \(recipe.scheduleSteps) steps, found a model alone")
    }
    let type = kernels.precision == .float ? Safetensors.ElementType.float32 : .float64
    if let other = (checkpoint.tensors + checkpoint.moments).first(where: { $0.type != type }) {
      throw refuse(
        "expected \(type.rawValue) for precision \(kernels.precision.rawValue), found \(other.type.rawValue) in tensor "
          + quoted(other.name))
    }
    for (index, tensor) in checkpoint.moments.enumerated() {
      let isFirst = index < checkpoint.tensors.count
      let limit = isFirst ? 2 * recipe.clip : 2 * recipe.clip * recipe.clip
      let range = (isFirst ? -limit : 0)...limit
      let values = tensor.values(as: Double.self)
      if let index = values.firstIndex(where: { !range.contains($0) }) {
        throw refuse(
          "expected \(range.lowerBound) to \(range.upperBound) in tensor \(quoted(tensor.name)), found "
            + "\(values[index]) at index \(index)")
      }
    }
  }

  private func checkHash(of tensors: [Safetensors.Tensor], _ expected: String, _ what: String) throws(FileError) {
    let found = tensors.sha256
    guard found == expected else { throw refuse("expected \(what) of SHA-256 \(expected), found \(found)") }
  }

  /// - Throws: `FileError` if these are not the images that it was trained on.
  public func require(_ images: LabelledImages) throws(FileError) {
    let found = images.sha256
    guard found == imagesSHA256 else {
      throw refuse(
        "expected to go on with the images of \(dataset) of SHA-256 \(imagesSHA256), found \(images.count) images of "
          + "SHA-256 \(found)")
    }
  }

  /// Another instruction set is let pass, since the file may have come to another processor: its last bits differ.
  /// - Throws: `ConfigurationError` for another backend or precision.
  public func require(_ choice: KernelChoice) throws(ConfigurationError) {
    try requireEqual(
      ["backend": choice.backend.rawValue, "precision": choice.precision.rawValue],
      ["backend": kernels.backend.rawValue, "precision": kernels.precision.rawValue], path: path)
  }

  /// Only the number of steps may be another than the file's: not fewer than are done, nor more than the schedule's.
  /// - Throws: `ConfigurationError` that names the first setting of `recipe` that is refused.
  public func require(_ recipe: Recipe) throws(ConfigurationError) {
    var sameEnd = recipe
    sameEnd.steps = self.recipe.steps
    try requireEqual(sameEnd.metadata, self.recipe.metadata, path: path)
    guard (stepsDone...recipe.scheduleSteps).contains(recipe.steps) else {
      throw ConfigurationError(
        "steps", value: recipe.steps,
        rule: "\(stepsDone) to \(recipe.scheduleSteps): those done in \(path), and those of its schedule")
    }
  }

  private func refuse(_ problem: String) -> FileError { FileError(.malformed, path: path, problem) }
}

/// Names the first setting of which `found` has another value than the file at `path`.
private func requireEqual(
  _ found: [String: String], _ expected: [String: String], path: String
) throws(ConfigurationError) {
  for (key, value) in expected.sorted(by: { $0.key < $1.key }) where found[key] != value {
    func inline(_ text: String) -> String { text.isEmpty ? "none" : text.replacing("\n", with: ",") }
    throw ConfigurationError(
      key.replacing("_", with: " "), value: inline(found[key] ?? ""), rule: "\(inline(value)), as in \(path)")
  }
}

extension Checkpoint {
  /// SHA-256 of the parameters: see `SpellingModel.weightsSHA256`.
  public var weightsSHA256: String { tensors.sha256 }

  /// Another configuration is refused; `path` is the file that it was read from, for the error.
  /// - Throws: `ConfigurationError` that names the first setting of `configuration` that is not the file's.
  public func require(_ configuration: ModelConfiguration, path: String) throws(ConfigurationError) {
    try requireEqual(configuration.metadata, self.configuration.metadata, path: path)
  }

  /// A training, which `SavedTraining` reads; at the end of its schedule its model alone.
  /// - Parameters:
  ///   - session: the training.
  ///   - kernels: what it was computed with.
  ///   - dataset: what the images are called.
  ///   - imagesSHA256: `LabelledImages.sha256` of those that it is trained on.
  ///   - provenance: what else is to be recorded.
  public init(
    _ session: any TrainingSession, kernels: KernelChoice, dataset: String, imagesSHA256: String,
    provenance: [String: String] = [:]
  ) {
    var metadata = provenance.merging(session.recipe.metadata) { _, setting in setting }
    metadata["steps"] = "\(session.stepsDone)"
    metadata["dataset"] = dataset
    metadata["backend"] = kernels.backend.rawValue
    metadata["precision"] = kernels.precision.rawValue
    metadata["isa"] = kernels.instructionSetName
    metadata["weights_sha256"] = session.model.weightsSHA256
    metadata["train_images_sha256"] = imagesSHA256
    let moments = session.stepsDone < session.recipe.scheduleSteps ? session.moments() : []
    if !moments.isEmpty { metadata["moments_sha256"] = moments.sha256 }
    self.init(session.model, moments: moments, provenance: metadata)
  }
}

extension Trainer {
  func momentTensors() -> [Safetensors.Tensor] {
    zip(moments, Checkpoint.momentPrefixes).flatMap { model.table.tensors(of: $0, prefix: $1) }
  }

  /// Goes to where a training of the same configuration and recipe stood.
  func restore(_ saved: SavedTraining) {
    stepsDone = saved.stepsDone
    let (table, saved) = (model.table, saved.checkpoint)
    table.write(saved.tensors, to: model.buffer)
    guard !saved.moments.isEmpty else { return }
    table.write(saved.moments.prefix(table.entries.count), to: moments[0])
    table.write(saved.moments.dropFirst(table.entries.count), to: moments[1])
  }
}

extension LabelledImages {
  /// SHA-256 of "count side\n" for square images and "count height width\n" for others, all images and all labels.
  public var sha256: String {
    var hash = SHA256()
    let edges = size.height == size.width ? "\(size.height)" : "\(size.height) \(size.width)"
    hash.update(Array("\(count) \(edges)\n".utf8))
    hash.update(images)
    hash.update(labels)
    return hash.hex()
  }
}

extension SettingsReader {
  /// - Throws: `FileError` for kernels that there are not, which includes C in Double.
  mutating func kernels() throws(FileError) -> SavedTraining.Kernels {
    let backend = try take("backend", "c or reference", KernelChoice.Backend.init)
    let precision = try take("precision", backend == .c ? "float" : "float or double") {
      KernelChoice.Precision(rawValue: $0).flatMap { backend == .c && $0 == .double ? nil : $0 }
    }
    let names = InstructionSet.allCases.map(\.rawValue).joined(separator: ", ")
    let instructionSet: InstructionSet? =
      backend == .c ? try take("isa", "one of \(names)", InstructionSet.init) : nil
    return SavedTraining.Kernels(backend: backend, precision: precision, instructionSet: instructionSet)
  }
}
