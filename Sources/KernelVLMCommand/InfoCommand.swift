import ArgumentParser
import KernelVLM
import ReferenceKernels

struct InfoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "info",
    abstract: "Say what is in a model's file: settings, tensors, and how it was trained.",
    discussion: """
      kernelvlm info model.safetensors
      kernelvlm info model.safetensors --json

      The SHA-256 of the weights is computed anew; a file that has recorded another one is refused.
      """)

  @Argument(help: "A model that 'kernelvlm train --save' wrote.")
  var file: String

  @Flag(help: "Print the result as one JSON object.")
  var json = false

  func run() throws {
    let checkpoint = try Checkpoint(path: file)
    let report = ModelReport(checkpoint, try CheckpointRecord(checkpoint, path: file), file: file)
    try json ? Output.json(report) : Output.result(report.text)
  }
}

/// What `info` finds out. What the file does not say is left out.
private struct ModelReport: Encodable {
  struct Tensor: Encodable {
    let name: String
    let shape: [Int]
    let dtype: String
  }

  struct Training: Encodable {
    let stepsDone: Int
    let recipe: SettingValues<Recipe>
    let dataset: String
    let trainImagesSHA256: String
    let backend: String
    let precision: String
    let isa: String?
    let version: String?
    /// The weights that it began with, if it did not draw them.
    let fromWeightsSHA256: String?
  }

  struct Test: Encodable {
    let dataset: String?
    let correct: Int
    let images: Int
    let accuracy: Double
  }

  let file: String
  let parameters: Int
  let configuration: SettingValues<ModelConfiguration>
  /// Letters, BOS and EOS: each at the place of its number.
  let tokens: [String]
  let tensors: [Tensor]
  let weightsSHA256: String
  /// Whether the file has recorded the same.
  let weightsVerified: Bool
  let training: Training?
  let test: Test?
  let resumable: Bool
  let resumableReason: String

  init(_ checkpoint: Checkpoint, _ record: CheckpointRecord, file: String) {
    self.file = file
    parameters = checkpoint.tensors.reduce(0) { $0 + $1.count }
    configuration = SettingValues(table: ModelConfiguration.settings, root: checkpoint.configuration)
    tokens = checkpoint.vocabulary.symbols
    tensors = (checkpoint.tensors + checkpoint.moments).map {
      Tensor(name: $0.name, shape: $0.shape, dtype: $0.type.rawValue)
    }
    weightsSHA256 = record.weightsSHA256
    weightsVerified = record.isVerified
    let provenance = checkpoint.provenance
    training = record.training.map {
      Training(
        stepsDone: $0.stepsDone, recipe: SettingValues(table: Recipe.settings, root: $0.recipe),
        dataset: $0.dataset, trainImagesSHA256: $0.imagesSHA256,
        backend: $0.kernels.backend.rawValue, precision: $0.kernels.precision.rawValue,
        isa: $0.kernels.instructionSet?.rawValue, version: provenance["version"],
        fromWeightsSHA256: provenance[TrainingPlan.fromKey])
    }
    test = record.score.map {
      Test(dataset: record.training?.dataset, correct: $0.correct, images: $0.count, accuracy: $0.accuracy)
    }
    resumable = record.isResumable
    resumableReason = Self.reason(record)
  }

  private static func reason(_ record: CheckpointRecord) -> String {
    guard let training = record.training else { return "the file does not say how it was trained" }
    let done = "\(training.stepsDone.grouped) of the \(training.recipe.scheduleSteps.of("step")) of its schedule"
    if training.isFinished { return "its schedule is done" }
    return record.isResumable ? "\(done) are done" : "\(done) are done, but Adam's moments are not in the file"
  }

  var text: String {
    let rows = [
      ("Model", "\(parameters.of("parameter")), \(tensors.count.of("tensor"))"), ("Names", names), ("Tokens", letters),
      ("Settings", settings), ("Weights", "SHA-256 \(weightsSHA256)\(weightsVerified ? " ✓" : ", not recorded")"),
    ]
    let all = rows + trained + [("Resumable", (resumable ? "yes: " : "no: ") + resumableReason)]
    let width = (tensors.map(\.name.count).max() ?? 0) + 2
    let shapes = tensors.map { tensor in
      tensor.name.padded(width) + tensor.dtype + "  " + tensor.shape.map(String.init).joined(separator: " x ")
    }
    return (all.map { $0.0.padded(11) + $0.1 } + [""] + shapes).joined(separator: "\n")
  }

  private var names: String { configuration.root.names.joined(separator: ", ") }

  private var letters: String { tokens.enumerated().map { "\($1) \($0)" }.joined(separator: ", ") }

  private var settings: String {
    let c = configuration.root
    return """
      \(c.attention.name) attention, \(c.gradient.rawValue) gradient, image \(c.imageSize.text), stages \(configuration.text("stages")), \
      \(c.layers.of("layer")) of width \(c.width) with \(c.heads.of("head")), MLP ratio \(c.mlpRatio), \
      base features \(c.baseFeatures), tensor tokens \(c.tensorTokens), direct \(configuration.text("direct")), \
      text up to \(c.maximumTextLength.of("token")), reconstruction weight \(c.reconstructionWeight)
      """
  }

  private var trained: [(String, String)] {
    guard let training else { return [("Training", "not recorded")] }
    let (r, isa) = (training.recipe.root, training.isa.map { " (\($0))" } ?? "")
    var rows = [
      (
        "Training",
        """
        \(training.stepsDone.grouped) of \(r.steps.of("step")) of \(r.batch.of("image")), seed \(r.seed), \
        \(r.order.rawValue) order
        """
      ),
      (
        "Recipe",
        """
        learning rate \(r.learningRate), \(r.schedule.rawValue) over \(r.scheduleSteps.of("step")), warm-up \
        \(r.warmUp), beta1 \(r.beta1), beta2 \(r.beta2), weight decay \(r.weightDecay), feature clip \(r.featureClip), \
        clip \(r.clip)\(rest)
        """
      ),
      ("Kernels", "\(training.backend)\(isa), \(training.precision)" + version),
      ("Images", "\(training.dataset), SHA-256 \(training.trainImagesSHA256)"),
    ]
    if let from = training.fromWeightsSHA256 { rows.append(("Began with", "weights of SHA-256 \(from)")) }
    rows.append(
      (
        "Accuracy",
        test.map { "\($0.accuracy.percent) of \($0.images.of("test image")) (\($0.correct.grouped))" } ?? "not measured"
      ))
    return rows
  }

  /// What most recipes do not have.
  private var rest: String {
    guard let recipe = training?.recipe else { return "" }
    var text = recipe.root.augmentation.isIdentity ? "" : ", augmentation \(recipe.text("augmentation"))"
    if !recipe.root.unseen.isEmpty { text += ", without \(recipe.text("unseen"))" }
    if recipe.root.heldOut > 0 { text += ", \(recipe.root.heldOut.of("image")) held out" }
    return text
  }

  private var version: String { training?.version.map { ", version \($0)" } ?? "" }
}
