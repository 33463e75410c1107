import ArgumentParser
import Foundation
import KernelVLM

struct Train: ParsableCommand, NotingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train a model and spell all test images with it.",
    discussion: """
      kernelvlm train --save model.safetensors
      kernelvlm train --batch 100 --order shuffled --save model.safetensors
      kernelvlm train --batch 100 --save model.safetensors --save-every 1000
      kernelvlm train --resume model.safetensors
      kernelvlm train --from model.safetensors --save next.safetensors
      kernelvlm train                      7000 steps of one image, not saved
      kernelvlm train --preset published   as the published program does it
      kernelvlm train --preset lean --evaluate-every 500 --save model.safetensors
      kernelvlm train --preset lean --data pairs        names zero to ninety-nine
      kernelvlm train --data drawn --json  without MNIST; one JSON object

      Presets: exact, 7000 steps of one image; published, the same with the published program's gradient; augmented, \
      the same model in batches of augmented images; local, lean and tiny, models with local stages, which spell \
      best. An option beside --preset changes that one setting of it; the defaults below are those of exact. With the \
      last four, --steps stretches or shortens the whole schedule: kernelvlm train --preset lean --steps 2800 takes a \
      third of the time.

      The model is fitted to the images: their size, and the names that a file names.txt beside them lists, one a line.

      Ctrl-C ends the training at the next step, and saves \
      what it has learnt if there is a --save; a second Ctrl-C stops at once. A closed terminal does the same.

      A training that was saved before the end of its schedule goes on with --resume, to the same bits as without the \
      break. The file says how: an option that contradicts it is refused, but --steps may move the end within the \
      schedule. It needs the images that it was trained on, and their folder if they are not where MNIST is looked for.

      A model whose schedule is done is trained on with --from: a new training that begins with its weights. Its \
      configuration is the model's; its recipe is that of the options.
      """)

  @Option(
    help: """
      The settings to start from (values: \(Preset.allCases.map(\.rawValue).joined(separator: ", ")); default: exact).
      """)
  var preset: Preset?

  @Option(
    help: ArgumentHelp(
      "Write the model to this file (safetensors), and before the end of its schedule what --resume needs besides.",
      valueName: "file"))
  var save: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Save after so many steps, again and again, and not only at the end.", valueName: "steps"))
  var saveEvery: Int?

  @Option(help: ArgumentHelp("Go on from this file, and save to it unless --save names another.", valueName: "file"))
  var resume: String?

  @Option(help: ArgumentHelp("Begin with the weights of this model.", valueName: "file"))
  var from: String?

  @Option(
    help: ArgumentHelp(
      "Write the logged steps to this file, one JSON object a line; --resume goes on in it, without later steps.",
      valueName: "file.jsonl"))
  var log: String?

  @Option(parsing: .unconditional, help: ArgumentHelp("Log a step out of so many, and the last.", valueName: "steps"))
  var logEvery = 100

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Spell images that are held out from the training after so many steps, again and again.", valueName: "steps"))
  var evaluateEvery: Int?

  @Flag(help: "Print where the time of a step goes, operation by operation; on one thread, with the C kernels.")
  var profile = false

  @Flag(help: "Print the result as one JSON object.")
  var json = false

  @OptionGroup var noteOptions: NoteOptions
  @OptionGroup(title: "Data options") var dataOptions: DataOptions
  @OptionGroup(title: "Kernel options") var kernelOptions: KernelOptions
  @OptionGroup(title: "Recipe options") var recipeOptions: RecipeOptions
  @OptionGroup(title: "Model options") var modelOptions: ModelOptions

  /// The file that is written, if any.
  private var target: String? { save ?? resume }

  func validate() throws {
    try requireDistinctPlaces()
    if saveEvery != nil, target == nil { throw ValidationError("--save-every needs --save, to know where") }
    let intervals = [("--save-every", saveEvery), ("--log-every", logEvery), ("--evaluate-every", evaluateEvery)]
    for case (let option, let count?) in intervals where count < 1 {
      throw ValidationError("\(option) is \(count), must be at least 1")
    }
    if from != nil, resume != nil {
      throw ValidationError("--from begins a new training and --resume goes on with one: give one of them")
    }
  }

  func run() throws {
    let interruption = Interruption()
    var plan = try TrainingPlan(self)
    if let target { try requireWritable(target) }
    let log = try self.log.map(RunLog.init)

    let source = try plan.source(dataOptions)
    try requireDistinct(from: source)
    try plan.take(names: source.names(), self)
    let dataset = try source.load(names: plan.configuration.names.count, threads: kernelOptions.threadCount)
    try plan.fit(to: dataset.train, self)
    let profile = self.profile ? KernelProfile() : nil
    let threads = kernelOptions.startThreads(plan.kernels)
    let session = try plan.session(
      dataset.train, threads: threads, measuresThreads: kernelOptions.threads == nil, profile: profile)
    try log?.begin(after: plan.saved?.stepsDone)
    introduce(session, dataset, source, plan)

    let file = target.map {
      TrainingFile(
        path: $0, interval: saveEvery, dataset: dataset, kernels: plan.kernels, provenance: plan.provenance)
    }
    let outcome = try interruption.noting {
      let sample = evaluateEvery.map { HeldOutSample(dataset.train, count: plan.recipe.heldOut, interval: $0) }
      var loop = TrainingLoop(session, log: log, logInterval: logEvery, sample: sample, file: file)
      let outcome = loop.run(interruption)
      if let failure = outcome.failure { Output.error("Error: \(failure)") }
      try file?.save(session)
      if let target { Output.note("Saved after \(outcome.stepsDone.of("step")): \(target)") }
      try loop.log?.finish()
      return outcome
    }
    try requireFinished(outcome, plan.recipe, interruption.signal)
    let times = profile.map { OperationTime.all($0, steps: outcome.stepsTaken, seconds: outcome.seconds) }
    try report(session, outcome, dataset, source, plan, file, threads: threads, times)
  }

  private func introduce(
    _ session: any TrainingSession, _ dataset: Dataset, _ source: DataSource, _ plan: TrainingPlan
  ) {
    let model = session.model
    Output.note(
      """
      Data: \(dataset.title), \(source.place), \(dataset.train.count.grouped) images to train on and \
      \(dataset.test.count.grouped) to test
      Model: \(model.table.count.grouped) parameters, \(model.configuration.attention.name) attention, \
      \(model.configuration.gradient.rawValue) gradient, seed \(plan.recipe.seed)
      Kernels: \(plan.kernels.summary), \(session.threads > 1 ? "up to " : "")\(session.threads.of("thread"))
      """)
    dataset.train.noteDoubts(dataset.name, names: plan.configuration.names)
    if plan.configuration.stages.count > ModelConfiguration.trainableStages {
      Output.note(
        """
        Note: \(plan.configuration.stages.count) stages, and more than \(ModelConfiguration.trainableStages) may not \
        train: each multiplies numbers that are small already
        """)
    }
    if let resume { plan.resumption(resume).forEach(Output.note) }
    if let from {
      Output.note("Begins with the weights of \(from)")
      if let save, FileIdentity(from) == FileIdentity(save) {
        Output.note("Note: --save replaces the model that it begins with")
      }
    }
  }

  /// Ends the command with the status of a training that failed or was stopped.
  private func requireFinished(_ outcome: TrainingLoop.Outcome, _ recipe: Recipe, _ signal: Int32?) throws {
    if outcome.failure != nil { throw ExitCode(EX_SOFTWARE) }
    guard let signal else { return }
    let advice = target.map { "Go on with: \(resumption(of: $0))" } ?? "Nothing is kept without --save"
    Output.note("Stopped after \(outcome.stepsDone.grouped) of \(recipe.steps.of("step"))\n\(advice)")
    throw ExitCode(Interruption.status(of: signal))
  }

  /// The command that goes on from the file `path` with what it does not say: where the images are, and what else was
  /// asked for.
  private func resumption(of path: String) -> String {
    var words = ["train", "--resume", Invocation.argument(path)]
    if let data = dataOptions.data, data != "drawn" { words += ["--data", Invocation.argument(data)] }
    if let saveEvery { words += ["--save-every", "\(saveEvery)"] }
    if let log { words += ["--log", Invocation.argument(log)] }
    if let evaluateEvery { words += ["--evaluate-every", "\(evaluateEvery)"] }
    if logEvery != 100 { words += ["--log-every", "\(logEvery)"] }
    if let threads = kernelOptions.threads { words += ["--threads", "\(threads)"] }
    if profile { words.append("--profile") }
    if json { words.append("--json") }
    if noteOptions.quiet { words.append("--quiet") }
    return Invocation.command(words)
  }

  private func report(
    _ session: any TrainingSession, _ outcome: TrainingLoop.Outcome, _ dataset: Dataset, _ source: DataSource,
    _ plan: TrainingPlan, _ file: TrainingFile?, threads: Int, _ times: [OperationTime]?
  ) throws {
    let start = ContinuousClock.now
    let spellings = try session.model.spell(dataset.test, threads: threads)
    let names = session.model.configuration.names
    let evaluation = Evaluation(spellings, labels: dataset.test.labels, names: names)
    let parts = PartsScore(spellings, dataset.test.labels, names: names)
    evaluation.noteNotFinite()
    record(evaluation, of: session, in: file)
    let result = TrainingResult(
      outcome, session, plan, dataset, evaluation, parts, evaluateSeconds: start.duration(to: .now).seconds,
      profile: times)
    if json { return try Output.json(result) }
    try Output.result(
      """

      \(Examples(dataset.test, spellings.map(\.word), names: names).text)

      Spelled right: \(evaluation.summary(.test, of: dataset.name))
      \(result.text)
      """)
    if let times { try Output.result("\n" + OperationTime.table(times)) }
    Output.note("Next: \(suggestion(spellings, dataset.test, names: plan.configuration.names, source))")
  }

  /// Saves once more, with what the model spells. The model is in the file already: that this cannot be done is no
  /// reason to fail.
  private func record(_ evaluation: Evaluation, of session: any TrainingSession, in file: TrainingFile?) {
    do { try file?.save(session, evaluation) } catch {
      Output.error("Going on without the accuracy in the file: \(error)")
    }
  }

  /// The command that shows the saved model spell an image right, the first that it does; or, if nothing is saved, the
  /// one that saves.
  private func suggestion(
    _ spellings: [Spelling], _ images: LabelledImages, names: [String], _ source: DataSource
  ) -> String {
    var words: [String]
    if let target {
      let right = spellings.indices.first {
        spellings[$0].isFinite && spellings[$0].word == names[Int(images.labels[$0])]
      }
      let file = Invocation.argument(target)
      words = right.map { ["see", file, "--index", "\($0)"] } ?? ["evaluate", file]
    } else {
      words = ["train", "--save", "model.safetensors"] + (preset.map { ["--preset", $0.rawValue] } ?? [])
      words += modelOptions.arguments + recipeOptions.arguments
    }
    switch source {
    case .drawn: words += ["--data", "drawn"]
    case .pairs: words += ["--data", "pairs"]
    case .shapes: words += ["--data", "shapes"]
    case .folder: words += dataOptions.data.map { ["--data", Invocation.argument($0)] } ?? []
    }
    return Invocation.command(words)
  }
}
