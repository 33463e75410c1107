import ArgumentParser
import Foundation
import KernelVLM
import ReferenceKernels
import Synchronization

struct Ablate: ParsableCommand, NotingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train models with parts exchanged or left out, and compare them.",
    discussion: """
      kernelvlm ablate                            all 16 models, 3 seeds each
      kernelvlm ablate --seeds 20 --features all  gradient and attention alone
      kernelvlm ablate --features all degree2 --steps 2000
      kernelvlm ablate --trainings exact batches augmented pooled local lean tiny

      Feature sets: all; direct, the direct features alone; tensor, the product of the base autoencoders (BAE×BAE) \
      alone; degree2, the direct features of degree 2 alone. Each model trains on one thread, several at once.

      Trainings: exact, 7000 steps of one image; batches, in batches; augmented, in batches of augmented images; \
      local, lean and tiny, with local stages; pooled, as local without its stages. All but exact are presets of \
      'kernelvlm train', or differ from one by the options that the table names. They take minutes.
      """)

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Seeds for each model: --seed and those that follow it.", valueName: "count"))
  var seeds = 3

  @Option("seed", of: Recipe.settings, in: Recipe(), help: "The first seed.")
  var seed: String?

  @Option(
    "steps", of: Recipe.settings, in: Recipe(),
    or: "each training's own", help: "Steps of each training; fewer than 7000 leave the schedule of exact as it is.")
  var steps: String?

  @Option(
    parsing: .upToNextOption,
    help: "Feature sets to compare (default: all, direct, tensor and degree2; with other --trainings than exact, all).")
  var features: [Ablation.FeatureSet] = []

  @Option(parsing: .upToNextOption, help: "Ways of training to compare, with the true gradient.")
  var trainings: [Ablation.Training] = [.exact]

  @Flag(help: "Print the result as one JSON object.")
  var json = false

  @OptionGroup var noteOptions: NoteOptions
  @OptionGroup(title: "Data options") var dataOptions: DataOptions
  @OptionGroup(title: "Kernel options") var kernelOptions: KernelOptions

  func run() throws {
    let kernels = try kernelOptions.choice()
    let jobs = kernelOptions.threadCount
    let ablation = try ablation()

    let source = try dataOptions.source()
    let dataset = try source.load(threads: jobs)
    Output.note(
      """
      Data: \(dataset.title), \(source.place), \(dataset.train.count.grouped) images to train on and \
      \(dataset.test.count.grouped) to test
      \(ablation.arms.count) models with \(seeds.of("seed")) each: \(ablation.trainings.of("training"))\
      \(ablation.commonSteps.map { " of \($0.of("step"))" } ?? ""), up to \(jobs) at once, \(kernels.summary)
      """)
    dataset.train.noteDoubts(dataset.name, names: Vocabulary.digitNames)
    let start = ContinuousClock.now
    let results = try measure(ablation, kernels, dataset, jobs: jobs)
    let seconds = start.duration(to: .now).seconds
    if json {
      try Output.json(
        AblationReport(ablation, results, dataset, kernels, threads: min(jobs, ablation.trainings), seconds: seconds))
    } else if ablation.comparesTrainings {
      try Output.result(TrainingsTable(ablation, results, dataset).text)
    } else {
      try Output.result(AblationTable(ablation, results, features: chosenFeatures, dataset).text)
    }
  }

  private var chosenFeatures: [Ablation.FeatureSet] {
    guard features.isEmpty else { return Ablation.FeatureSet.allCases.filter(features.contains) }
    return trainings == [.exact] ? Ablation.FeatureSet.allCases : [.all]
  }

  /// - Throws: `ConfigurationError` for settings that cannot be run.
  func ablation() throws -> Ablation {
    guard (1...10_000).contains(seeds) else { throw ConfigurationError("seeds", value: seeds, rule: "1 to 10000") }
    let recipe = try RecipeOptions.recipe(["seed": seed, "steps": steps].compactMapValues { $0 }, .exact)
    let ablation = Ablation(
      features: chosenFeatures, trainings: Ablation.Training.allCases.filter(trainings.contains),
      steps: steps == nil ? nil : recipe.steps, seed: recipe.seed, seeds: seeds)
    for arm in ablation.arms { try arm.configuration.validate() }
    return ablation
  }

  private func measure(
    _ ablation: Ablation, _ kernels: KernelChoice, _ dataset: Dataset, jobs: Int
  ) throws -> [Ablation.Result] {
    let line = Mutex(ProgressLine())
    defer { line.withLock { $0.clear() } }
    return try ablation.run(jobs: jobs) { configuration, recipe in
      try kernels.accuracy(of: configuration, recipe: recipe, on: dataset)
    } progress: { done in
      line.withLock { $0.show(done, of: ablation.trainings, "training \(done)/\(ablation.trainings)") }
    }
  }
}

/// What `ablate --json` prints.
private struct AblationReport: Encodable {
  struct Arm: Encodable {
    let gradient: String
    let attention: String
    let features: String
    let training: String
    let steps: Int
    let batch: Int
    let parameters: Int
    let mean: Double
    /// Of the sample; nil for one seed.
    let sd: Double?
    let accuracies: [Double]
    /// Of one training on one thread, its evaluation included; a mean.
    let seconds: Double

    init(_ result: Ablation.Result, _ recipe: Recipe) {
      gradient = result.arm.gradient.rawValue
      attention = result.arm.attention.name
      features = result.arm.features.rawValue
      training = result.arm.training.rawValue
      steps = recipe.steps
      batch = recipe.batch
      parameters = result.arm.parameters
      mean = result.mean
      sd = result.standardDeviation
      accuracies = result.accuracies
      seconds = result.meanSeconds
    }
  }

  let dataset: String
  let testImages: Int
  let seeds: [UInt32]
  let backend: String
  let precision: String
  let isa: String
  let threads: Int
  let seconds: Double
  let arms: [Arm]

  init(
    _ ablation: Ablation, _ results: [Ablation.Result], _ dataset: Dataset, _ kernels: KernelChoice, threads: Int,
    seconds: Double
  ) {
    self.dataset = dataset.name.rawValue
    testImages = dataset.test.count
    seeds = ablation.seeds
    backend = kernels.backend.rawValue
    precision = kernels.precision.rawValue
    isa = kernels.instructionSetName
    self.threads = threads
    self.seconds = seconds
    arms = results.map { Arm($0, ablation.recipe($0.arm, seed: ablation.seeds[0])) }
  }
}

/// What `ablate` prints of several trainings: a row for each with either attention.
private struct TrainingsTable {
  let text: String

  init(_ ablation: Ablation, _ results: [Ablation.Result], _ dataset: Dataset) {
    let head =
      "training".padded(11) + "attention".padded(10) + "parameters".aligned(11) + "images seen".aligned(13)
      + "s".aligned(7) + "right".aligned(18) + "  kernelvlm train"
    let rows = results.map { result in
      let (arm, recipe) = (result.arm, ablation.recipe(result.arm, seed: ablation.seeds[0]))
      let words = arm.training.arguments + arm.attention.arguments + arm.features.arguments
      let command = words + (ablation.steps.map { ["--steps", "\($0)"] } ?? [])
      return arm.training.rawValue.padded(11) + arm.attention.name.padded(10) + arm.parameters.grouped.aligned(11)
        + (recipe.steps * recipe.batch).grouped.aligned(13) + result.meanSeconds.fixed(1).aligned(7)
        + result.text.aligned(18) + "  " + command.joined(separator: " ")
    }
    text = """
      Spelled right of the \(dataset.test.count.grouped) test images of \(dataset.name.rawValue): mean ± sd of \
      \(ablation.seeds.count.of("seed")); seconds of one training on one thread

      \(head)
      \(rows.map(\.trimmedEnd).joined(separator: "\n"))
      """
  }
}

extension Ablation {
  fileprivate var comparesTrainings: Bool { arms.contains { $0.training != .exact } }

  /// Those of every training, if they are as many.
  fileprivate var commonSteps: Int? {
    let steps = Set(arms.map { recipe($0, seed: seeds[0]).steps })
    return steps.count == 1 ? steps.first : nil
  }
}

extension Ablation.Arm {
  /// How many numbers its model has.
  fileprivate var parameters: Int {
    let c = configuration
    guard let vocabulary = try? Vocabulary(names: c.names) else { return 0 }
    return (try? ParameterTable(c, vocabularySize: vocabulary.size))?.count ?? 0
  }
}

extension Ablation.Training {
  /// The options of `train` that train so.
  fileprivate var arguments: [String] {
    switch self {
    case .exact: []
    case .batches: ["--preset", "augmented", "--augmentation", "none"]
    case .pooled: ["--preset", "local", "--stages", "none", "--image-size", "14"]
    case .augmented, .local, .lean, .tiny: ["--preset", rawValue]
    }
  }
}

extension ModelConfiguration.Attention {
  fileprivate var arguments: [String] { self == .tensor ? [] : ["--attention", name] }
}

extension Ablation.FeatureSet {
  fileprivate var arguments: [String] {
    switch self {
    case .all: []
    case .direct: ["--tensor-tokens", "0"]
    case .tensor: ["--direct", "none"]
    case .degree2: ["--tensor-tokens", "0", "--direct", "2:8"]
    }
  }
}

/// What `ablate` prints: a row for each gradient and attention, a column for each set of features.
private struct AblationTable {
  private static let width = 18

  let text: String

  init(_ ablation: Ablation, _ results: [Ablation.Result], features: [Ablation.FeatureSet], _ dataset: Dataset) {
    let head = "gradient".padded(11) + "attention".padded(11) + features.map { $0.title.aligned(Self.width) }.joined()
    let rows = stride(from: 0, to: results.count, by: features.count).map { first in
      let arm = results[first].arm
      let cells = results[first..<first + features.count].map { $0.text.aligned(Self.width) }.joined()
      return arm.gradient.rawValue.padded(11) + arm.attention.name.padded(11) + cells
    }
    text = """
      Spelled right of the \(dataset.test.count.grouped) test images of \(dataset.name.rawValue) after \
      \(ablation.recipe(results[0].arm, seed: ablation.seeds[0]).steps.of("step")): mean ± sd of \(ablation.seeds.count.of("seed"))

      \(head)
      \(rows.joined(separator: "\n"))
      """
  }
}

extension Ablation.Result {
  /// Of one training.
  fileprivate var meanSeconds: Double { seconds.reduce(0, +) / Double(seconds.count) }

  /// "91.80 ± 0.35 %"
  fileprivate var text: String {
    let spread = standardDeviation.map { " ± \((100 * $0).fixed(2))" } ?? ""
    return (100 * mean).fixed(2) + spread + " %"
  }
}

extension Ablation.FeatureSet {
  fileprivate var title: String {
    switch self {
    case .all: "all features"
    case .direct: "direct only"
    case .tensor: "BAE×BAE only"
    case .degree2: "degree 2 only"
    }
  }
}
