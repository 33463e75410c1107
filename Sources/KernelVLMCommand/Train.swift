import ArgumentParser
import Foundation
import KernelVLM

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train a model and spell all test images with it.",
    discussion: """
      kernelvlm train                      7000 steps of one image
      kernelvlm train --preset published   as the published program does it
      kernelvlm train --batch 100 --order shuffled --save model.safetensors
      kernelvlm train --data drawn --json  without MNIST; one JSON object

      An option beside --preset changes that one setting of it. Ctrl-C ends the training at the next step, and saves \
      what it has learnt if there is a --save; a second Ctrl-C stops at once.
      """)

  @Option(help: "The settings to start from: exact has the true gradient, published that of the published program.")
  var preset = Preset.exact

  @Option(help: ArgumentHelp("Write the model to this file (safetensors).", valueName: "file"))
  var save: String?

  @Option(help: ArgumentHelp("Write the logged steps to this file, one JSON object a line.", valueName: "file.jsonl"))
  var log: String?

  @Flag(help: "Print where the time of a step goes, operation by operation; on one thread, with the C kernels.")
  var profile = false

  @Flag(help: "Print the result as one JSON object.")
  var json = false

  @OptionGroup(title: "Data options") var dataOptions: DataOptions
  @OptionGroup(title: "Kernel options") var kernelOptions: KernelOptions
  @OptionGroup(title: "Recipe options") var recipeOptions: RecipeOptions
  @OptionGroup(title: "Model options") var modelOptions: ModelOptions

  func validate() throws {
    if let save, save == log { throw ValidationError("--save and --log name the same file, \(save)") }
  }

  func run() throws {
    let interruption = Interruption()
    let kernels = try kernelOptions.choice()
    let threads = try kernelOptions.threadCount()
    let configuration = try modelOptions.configuration(preset)
    let recipe = try recipeOptions.recipe(preset)
    if let save { try requireWritable(save) }
    let log = try self.log.map { path throws(FileError) in try RunLog(path: path) }

    let source = try dataOptions.source()
    let dataset = try source.load(names: configuration.names.count)
    let profile = self.profile ? KernelProfile() : nil
    let session = try kernels.train(
      configuration, recipe: recipe, images: dataset.train, threads: threads,
      measuresThreads: kernelOptions.threads == nil, profile: profile)
    introduce(session, dataset, source, kernels, seed: recipe.seed)

    let outcome = try interruption.noting {
      var loop = TrainingLoop(session, recipe: recipe, log: log)
      let outcome = loop.run(interruption)
      if let failure = outcome.failure { Output.note("Error: \(failure)") }
      try saveModel(session, outcome, dataset, kernels, recipe)
      try loop.log?.finish()
      return outcome
    }
    try requireFinished(outcome, recipe, interruption.signal)
    let times = profile.map { OperationTime.all($0, steps: outcome.stepsDone, seconds: outcome.seconds) }
    try report(session, outcome, dataset, kernels, recipe, threads: threads, times)
  }

  private func introduce(
    _ session: any TrainingSession, _ dataset: Dataset, _ source: DataSource, _ kernels: KernelChoice, seed: UInt32
  ) {
    let model = session.model
    Output.note(
      """
      Data: \(dataset.name.rawValue), \(source.place), \(dataset.train.count.grouped) images to train on and \
      \(dataset.test.count.grouped) to test
      Model: \(model.table.count.grouped) parameters, \(model.configuration.attention.rawValue) attention, \
      \(model.configuration.gradient.rawValue) gradient, seed \(seed)
      Kernels: \(kernels.summary), \(session.threads.of("thread"))
      """)
  }

  private func saveModel(
    _ session: any TrainingSession, _ outcome: TrainingLoop.Outcome, _ dataset: Dataset, _ kernels: KernelChoice,
    _ recipe: Recipe
  ) throws {
    guard let save else { return }
    let provenance = [
      "dataset": dataset.name.rawValue, "steps": "\(outcome.stepsDone)", "batch": "\(recipe.batch)",
      "seed": "\(recipe.seed)", "learning_rate": "\(recipe.learningRate)", "schedule": recipe.schedule.rawValue,
      "schedule_steps": "\(recipe.scheduleSteps)", "order": recipe.order.rawValue, "backend": kernels.backend.rawValue,
      "precision": kernels.precision.rawValue, "isa": kernels.instructionSetName,
      "weights_sha256": session.model.weightsSHA256, "version": KernelVLMCommand.version,
    ]
    try Checkpoint(session.model, provenance: provenance).save(save)
    Output.note("Saved after \(outcome.stepsDone.of("step")): \(save)")
  }

  /// Ends the command with the status of a training that failed or was stopped.
  private func requireFinished(_ outcome: TrainingLoop.Outcome, _ recipe: Recipe, _ signal: Int32?) throws {
    if outcome.failure != nil { throw ExitCode(EX_SOFTWARE) }
    guard let signal else { return }
    let advice = save == nil ? "; nothing is kept without --save" : ""
    Output.note("Stopped after \(outcome.stepsDone.grouped) of \(recipe.steps.of("step"))\(advice)")
    throw ExitCode(Interruption.status(of: signal))
  }

  private func report(
    _ session: any TrainingSession, _ outcome: TrainingLoop.Outcome, _ dataset: Dataset, _ kernels: KernelChoice,
    _ recipe: Recipe, threads: Int, _ times: [OperationTime]?
  ) throws {
    let start = ContinuousClock.now
    let spellings = try session.model.spell(dataset.test, 0..<dataset.test.count, threads: threads)
    let evaluation = Evaluation(spellings, labels: dataset.test.labels, names: session.model.configuration.names)
    evaluation.noteNotFinite()
    let result = TrainingResult(
      outcome, session, recipe, dataset, kernels, evaluation, evaluateSeconds: start.duration(to: .now).seconds,
      profile: times)
    if json { return try Output.json(result) }
    try Output.result(
      """

      \(Examples(dataset.test, spellings.map(\.word), names: session.model.configuration.names).text)

      Spelled right: \(evaluation.summary(.test, of: dataset.name))
      \(result.text)
      """)
    if let times { try Output.result("\n" + OperationTime.table(times)) }
    Output.note("Next: kernelvlm " + (save.map { "see \($0) --index 8" } ?? "train --save model.safetensors"))
  }
}

/// Refuses a place where no file can be written before any work is done for it.
private func requireWritable(_ path: String) throws(FileError) {
  let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
  var isFolder: ObjCBool = false
  if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
    throw FileError(.unwritable, path: path, "expected a file, found a folder")
  }
  guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue else {
    throw FileError(.unwritable, path: path, "expected a folder \(folder) to write to, found none")
  }
  guard FileManager.default.isWritableFile(atPath: folder) else {
    throw FileError(.unwritable, path: path, "expected a folder to write to, found that \(folder) is read-only")
  }
}
