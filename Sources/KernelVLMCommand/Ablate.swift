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

      Feature sets: all; direct, the direct features alone; tensor, the product of the base autoencoders (BAE×BAE) \
      alone; degree2, the direct features of degree 2 alone. Each model trains on one thread, several at once.
      """)

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Seeds for each model: --seed and those that follow it.", valueName: "count"))
  var seeds = 3

  @Option("seed", of: Recipe.settings, in: Recipe(), help: "The first seed.")
  var seed: String?

  @Option(
    "steps", of: Recipe.settings, in: Recipe(),
    help: "Steps of each training; fewer than 7000 leave the schedule as it is.")
  var steps: String?

  @Option(parsing: .upToNextOption, help: "Feature sets to compare.")
  var features = Ablation.FeatureSet.allCases

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
      Data: \(dataset.name.rawValue), \(source.place), \(dataset.train.count.grouped) images to train on and \
      \(dataset.test.count.grouped) to test
      \(ablation.arms.count) models with \(seeds.of("seed")) each: \(ablation.trainings.of("training")) of \
      \(ablation.recipe.steps.of("step")), up to \(jobs) at once, \(kernels.summary)
      """)
    dataset.train.noteDoubts(dataset.name, names: Vocabulary.digitNames)
    let start = ContinuousClock.now
    let results = try measure(ablation, kernels, dataset, jobs: jobs)
    let seconds = start.duration(to: .now).seconds
    if json {
      try Output.json(
        AblationReport(ablation, results, dataset, kernels, threads: min(jobs, ablation.trainings), seconds: seconds))
    } else {
      try Output.result(AblationTable(ablation, results, features: chosenFeatures, dataset).text)
    }
  }

  private var chosenFeatures: [Ablation.FeatureSet] { Ablation.FeatureSet.allCases.filter(features.contains) }

  /// - Throws: `ConfigurationError` for settings that cannot be run.
  func ablation() throws -> Ablation {
    guard (1...10_000).contains(seeds) else { throw ConfigurationError("seeds", value: seeds, rule: "1 to 10000") }
    let recipe = try RecipeOptions.recipe(["seed": seed, "steps": steps].compactMapValues { $0 }, .exact)
    return Ablation(features: chosenFeatures, recipe: recipe, seeds: seeds)
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
    let mean: Double
    /// Of the sample; nil for one seed.
    let sd: Double?
    let accuracies: [Double]
  }

  let dataset: String
  let testImages: Int
  let steps: Int
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
    steps = ablation.recipe.steps
    seeds = ablation.seeds
    backend = kernels.backend.rawValue
    precision = kernels.precision.rawValue
    isa = kernels.instructionSetName
    self.threads = threads
    self.seconds = seconds
    arms = results.map {
      Arm(
        gradient: $0.arm.gradient.rawValue, attention: $0.arm.attention.name, features: $0.arm.features.rawValue,
        mean: $0.mean, sd: $0.standardDeviation, accuracies: $0.accuracies)
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
      \(ablation.recipe.steps.of("step")): mean ± sd of \(ablation.seeds.count.of("seed"))

      \(head)
      \(rows.joined(separator: "\n"))
      """
  }
}

extension Ablation.Result {
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
