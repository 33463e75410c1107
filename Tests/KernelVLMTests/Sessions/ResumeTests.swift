import Foundation
import ReferenceKernels
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

/// A training that is saved, loaded and goes on has the bits of one that never stopped.
@Suite struct ResumeTests {
  static let images = DrawnDigits().images(.train, 0..<600)

  /// What is trained: with which kernels, how long, and how.
  struct Case: Sendable, CustomStringConvertible {
    let description: String
    let backend: KernelChoice.Backend
    var precision = KernelChoice.Precision.float
    var instructionSet = InstructionSet.best
    let steps: Int
    let change: @Sendable (inout ModelConfiguration, inout Recipe) -> Void

    func kernels() throws -> KernelChoice {
      try KernelChoice(backend, precision: precision, instructionSet: instructionSet)
    }

    func settings() -> (configuration: ModelConfiguration, recipe: Recipe) {
      var (configuration, recipe) = (ModelConfiguration(), Recipe())
      recipe.steps = steps
      change(&configuration, &recipe)
      return (configuration, recipe)
    }
  }

  static let published: @Sendable (inout ModelConfiguration, inout Recipe) -> Void = { c, _ in c.gradient = .published }
  static let shuffled: @Sendable (inout ModelConfiguration, inout Recipe) -> Void = { _, r in
    r.batch = 32
    r.order = .shuffled
  }
  /// Everything that depends on the number of the step, with numbers that have no short binary form.
  static let scheduled: @Sendable (inout ModelConfiguration, inout Recipe) -> Void = { c, r in
    c.attention = .dot
    r.batch = 3
    r.order = .shuffled
    r.schedule = .cosine
    r.scheduleSteps = r.steps + r.steps / 7
    r.warmUp = r.steps / 3
    r.weightDecay = 0.1
    r.learningRate = 0.01 / 3
    r.epsilon = 1e-7 / 3
    r.seed = 4_000_000_000
  }

  static let cases: [Case] =
    InstructionSet.available.map {
      Case(description: "exact, \($0)", backend: .c, instructionSet: $0, steps: 2000) { _, _ in }
    } + [
      Case(description: "published", backend: .c, steps: 2000, change: published),
      Case(description: "shuffled batches", backend: .c, steps: 300, change: shuffled),
      Case(description: "a schedule", backend: .c, steps: 1000, change: scheduled),
      Case(description: "reference", backend: .reference, steps: 60, change: shuffled),
      Case(description: "exact in double", backend: .reference, precision: .double, steps: 200) { _, _ in },
      Case(description: "published in double", backend: .reference, precision: .double, steps: 200, change: published),
      Case(description: "a schedule in double", backend: .reference, precision: .double, steps: 100, change: scheduled),
      Case(
        description: "lean in double", backend: .reference, precision: .double, steps: 6,
        change: preset(.lean, batch: 5)),
    ]
    + [Preset.augmented, .local, .lean, .tiny].map {
      Case(description: "\($0)", backend: .c, steps: 60, change: preset($0, batch: 40))
    }

  /// With images that are left out.
  private static func preset(
    _ preset: Preset, batch: Int
  ) -> @Sendable (inout ModelConfiguration, inout Recipe) -> Void {
    { c, r in
      c = preset.configuration
      let steps = r.steps
      r = preset.recipe(steps: steps + 7)
      r.steps = steps
      (r.batch, r.heldOut, r.unseen) = (batch, 50, ["two", "seven"])
    }
  }

  /// All that the rest of a training depends on.
  private func state(_ session: any TrainingSession) -> [String] {
    ["\(session.stepsDone)", session.model.weightsSHA256, session.moments().sha256]
  }

  private func run(_ session: any TrainingSession, to step: Int) throws -> StepReport? {
    var report: StepReport?
    while session.stepsDone < step {
      // As the command does, whose log lines must not change a bit.
      report = try session.step(reportsReconstruction: (session.stepsDone + 1) % 100 == 0)
    }
    return report
  }

  private func save(_ session: any TrainingSession, _ kernels: KernelChoice, _ path: String) throws {
    try Checkpoint(session, kernels: kernels, dataset: "drawn", imagesSHA256: Self.images.sha256).save(path)
  }

  @Test(arguments: cases)
  func interruptedAnywhereItEndsWithTheSameBits(_ example: Case) throws {
    let kernels = try example.kernels()
    let (configuration, recipe) = example.settings()
    let whole = try kernels.train(configuration, recipe: recipe, images: Self.images, threads: 1)
    let expected = try run(whole, to: recipe.steps)

    let breaks = [0] + (0..<(runsLongTests ? 50 : 4)).map { _ in .random(in: 0...recipe.steps) }.sorted()
    let path = CheckpointTests.temporaryPath()
    defer { try? FileManager.default.removeItem(atPath: path) }
    var session = try kernels.train(configuration, recipe: recipe, images: Self.images, threads: 1)
    var report: StepReport?
    for (index, step) in breaks.enumerated() {
      report = try run(session, to: step) ?? report
      let before = state(session)
      try save(session, kernels, path)
      let saved = try SavedTraining(path: path)
      #expect(saved.recipe == recipe && saved.checkpoint.configuration == configuration)
      session = try kernels.resume(saved, images: Self.images, threads: 1 + index % 3)
      #expect(state(session) == before || step == recipe.scheduleSteps, "\(breaks)")
    }
    report = try run(session, to: recipe.steps) ?? report
    #expect(state(session) == state(whole), "\(breaks)")
    #expect(report == expected, "\(breaks)")
  }

  /// Faults of a saved state that no check of the file can find: each ends with other bits, so that the tests above can
  /// fail.
  static let faults: [(name: String, change: @Sendable (inout Safetensors) -> Void)] = [
    ("a step too many", { $0.metadata["steps"] = "16" }),
    ("a step too few", { $0.metadata["steps"] = "14" }),
    ("no first moments", { forget(&$0, "adam.m.") }),
    ("no second moments", { forget(&$0, "adam.v.") }),
    ("another learning rate", { $0.metadata["learning_rate"] = "0.0030001" }),
    ("another schedule", { $0.metadata["schedule"] = "cosine" }),
    ("another order", { $0.metadata["order"] = "shuffled" }),
  ]

  private static func forget(_ file: inout Safetensors, _ prefix: String) {
    for (index, tensor) in file.tensors.enumerated() where tensor.name.hasPrefix(prefix) {
      file.tensors[index] = .init(tensor.name, shape: tensor.shape, values: [Float](repeating: 0, count: tensor.count))
    }
    file.metadata["moments_sha256"] = file.tensors.filter { $0.name.hasPrefix("adam.") }.sha256
  }

  @Test(arguments: faults.indices) func aFaultInTheStateShowsInTheBits(index: Int) throws {
    let (path, session) = try Self.savedTraining()
    defer { try? FileManager.default.removeItem(atPath: path) }
    var file = try Safetensors.load(path)
    Self.faults[index].change(&file)
    try file.save(path)
    let resumed = try KernelChoice().resume(SavedTraining(path: path), images: Self.images, threads: 1)
    _ = try run(session, to: 40)
    _ = try run(resumed, to: 40)
    #expect(resumed.model.weightsSHA256 != session.model.weightsSHA256, "\(Self.faults[index].name)")
  }

  /// `--steps 700`, and later `--steps 1500`: the schedule is what it was, and so are the bits.
  /// A file of version 0.2.0, and the hash that its training ends with in that version.
  @Test func aTrainingOfVersion02GoesOnToTheSameBits() throws {
    let file = try #require(Bundle.module.url(forResource: "Fixtures/half-done-0.2.0", withExtension: "safetensors"))
    let saved = try SavedTraining(path: file.path)
    #expect(saved.checkpoint.configuration.stages == [] && saved.checkpoint.configuration.imageSize == 4)
    #expect(saved.recipe.augmentation.isIdentity && saved.recipe.unseen == [] && saved.recipe.heldOut == 0)
    let session = try KernelChoice(instructionSet: .baseline).resume(
      saved, steps: 40, images: DrawnDigits().images(.train, 0..<DrawnDigits().count(.train)))
    try session.finish()
    #expect(
      session.model.weightsSHA256 == "9298bb9e4494aad4e8cea564582b37e7cec77c7378ddaa743c58c3ae0f7642ee")
  }

  @Test func theEndMayMoveWithinTheSchedule() throws {
    let kernels = try KernelChoice()
    var recipe = Recipe()
    recipe.steps = 1500
    let whole = try kernels.train(ModelConfiguration(), recipe: recipe, images: Self.images, threads: 1)
    _ = try run(whole, to: 1500)
    recipe.steps = 700
    let part = try kernels.train(ModelConfiguration(), recipe: recipe, images: Self.images, threads: 1)
    _ = try run(part, to: 700)
    let path = CheckpointTests.temporaryPath()
    defer { try? FileManager.default.removeItem(atPath: path) }
    try save(part, kernels, path)
    let rest = try kernels.resume(SavedTraining(path: path), steps: 1500, images: Self.images, threads: 1)
    #expect(rest.recipe.steps == 1500)
    _ = try run(rest, to: 1500)
    #expect(state(rest) == state(whole))
    for steps in [699, 7001] {
      #expect(throws: ConfigurationError.self) {
        try kernels.resume(SavedTraining(path: path), steps: steps, images: Self.images, threads: 1)
      }
    }
  }

  /// At the end of the schedule the learning rate is 0: the file is the model alone, and nothing is left to do.
  @Test func aFinishedTrainingIsItsModelAlone() throws {
    let kernels = try KernelChoice()
    var recipe = Recipe()
    (recipe.steps, recipe.scheduleSteps) = (20, 20)
    let session = try kernels.train(ModelConfiguration(), recipe: recipe, images: Self.images, threads: 1)
    _ = try run(session, to: 20)
    let path = CheckpointTests.temporaryPath()
    defer { try? FileManager.default.removeItem(atPath: path) }
    try save(session, kernels, path)
    #expect(try Safetensors.load(path).tensors == session.model.tensors())
    let finished = try kernels.resume(SavedTraining(path: path), images: Self.images, threads: 1)
    #expect(finished.stepsDone == 20 && finished.model.weightsSHA256 == session.model.weightsSHA256)
  }

  @Test func otherImagesAndKernelsAreRefused() throws {
    let (path, _) = try Self.savedTraining()
    defer { try? FileManager.default.removeItem(atPath: path) }
    let saved = try SavedTraining(path: path)
    var images = Self.images.images
    images[images.count / 2] ^= 1
    var labels = Self.images.labels
    labels.swapAt(0, 1)
    let others = [
      LabelledImages(images: images, labels: Self.images.labels, size: ImageSize(28, 28)),
      LabelledImages(images: Self.images.images, labels: labels, size: ImageSize(28, 28)),
      DrawnDigits().images(.train, 0..<599),
    ]
    for other in others {
      let error = #expect(throws: FileError.self) {
        try KernelChoice().resume(saved, images: other, threads: 1)
      }
      #expect(error?.kind == .malformed && error?.problem.contains("found \(other.count) images of SHA-256") == true)
    }
    for kernels in [try KernelChoice(.reference), try KernelChoice(.reference, precision: .double)] {
      #expect(throws: ConfigurationError.self) { try kernels.resume(saved, images: Self.images, threads: 1) }
    }
  }

  /// A file after 15 of 7000 steps, and its session.
  static func savedTraining() throws -> (path: String, session: any TrainingSession) {
    let kernels = try KernelChoice()
    let session = try kernels.train(ModelConfiguration(), recipe: Recipe(), images: images, threads: 1)
    for _ in 0..<15 { _ = try session.step(reportsReconstruction: false) }
    let path = CheckpointTests.temporaryPath()
    try Checkpoint(session, kernels: kernels, dataset: "drawn", imagesSHA256: images.sha256).save(path)
    return (path, session)
  }

  /// A change of the file, and what the error must say.
  static let misfits: [(change: @Sendable (inout Safetensors) throws -> Void, problem: String)] = [
    ({ $0.metadata["steps"] = "-1" }, "metadata steps: expected 0 to 7000, found \"-1\""),
    ({ $0.metadata["steps"] = "7001" }, "metadata steps: expected 0 to 7000, found \"7001\""),
    ({ $0.metadata["steps"] = "1.5" }, "metadata steps: expected 0 to 7000, found \"1.5\""),
    ({ $0.metadata["steps"] = "99999999999999999999" }, "metadata steps: expected 0 to 7000"),
    ({ $0.metadata["steps"] = nil }, "metadata steps: expected 0 to 7000, found no such entry"),
    ({ $0.metadata["total_steps"] = nil }, "metadata total_steps: expected an integer, found no such entry"),
    ({ $0.metadata["total_steps"] = "7001" }, "schedule steps is 7000, must be at least the 7001 steps of the run"),
    ({ $0.metadata["total_steps"] = "14" }, "metadata steps: expected 0 to 14, found \"15\""),
    ({ $0.metadata["schedule_steps"] = "-7000" }, "schedule steps is -7000"),
    ({ $0.metadata["batch"] = "0" }, "batch is 0, must be 1 to 65536"),
    ({ $0.metadata["learning_rate"] = "nan" }, "learning rate is nan, must be a positive number"),
    ({ $0.metadata["learning_rate"] = "fast" }, "metadata learning_rate: expected a number, found \"fast\""),
    ({ $0.metadata["schedule"] = "step" }, "metadata schedule: expected linear or cosine, found \"step\""),
    ({ $0.metadata["warm_up"] = "-1" }, "warm-up is -1"),
    ({ $0.metadata["beta1"] = "1" }, "beta1 is 1.0, must be at least 0 and less than 1"),
    ({ $0.metadata["beta2"] = "" }, "metadata beta2: expected a number, found \"\""),
    ({ $0.metadata["epsilon"] = "0" }, "epsilon is 0.0, must be a positive number"),
    ({ $0.metadata["weight_decay"] = "inf" }, "weight decay is inf"),
    ({ $0.metadata["clip"] = nil }, "metadata clip: expected a number, found no such entry"),
    ({ $0.metadata["order"] = "random" }, "metadata order: expected sequential or shuffled"),
    ({ $0.metadata["seed"] = "4294967296" }, "seed is 4294967296, must be 0 to 4294967295"),
    ({ $0.metadata["backend"] = "gpu" }, "metadata backend: expected c or reference, found \"gpu\""),
    ({ $0.metadata["precision"] = "double" }, "metadata precision: expected float, found \"double\""),
    (
      {
        $0.metadata["backend"] = "reference"
        $0.metadata["precision"] = "double"
      }, "expected F64 for precision double, found F32 in tensor \"bae.1.left\""
    ),
    ({ $0.metadata["isa"] = "swift" }, "metadata isa: expected one of baseline, avx2, avx512, found \"swift\""),
    ({ $0.metadata["dataset"] = nil }, "metadata dataset: expected an entry of one line"),
    ({ $0.metadata["train_images_sha256"] = nil }, "metadata train_images_sha256: expected an entry"),
    ({ $0.metadata["moments_sha256"] = nil }, "metadata moments_sha256: expected an entry"),
    ({ $0.metadata["dataset"] = "drawn\u{1B}[2J" }, "at most 80 characters, found \"drawn\\u{1B}[2J\""),
    (
      { $0.tensors.removeAll { $0.name.hasPrefix("adam.") } },
      "expected Adam's moments after 15 of 7000 steps, found a model alone"
    ),
    ({ $0.tensors.removeAll { $0.name.hasPrefix("adam.v.") } }, "expected tensor \"adam.v.bae.1.left\" of shape"),
    ({ $0.tensors.removeAll { $0.name == "adam.m.wte" } }, "tensor \"adam.m.wte\" of shape [17, 32], found none"),
    ({ try spoil(&$0, "adam.m.wte", at: 7, .nan) }, "expected finite values, found nan at index 7 of tensor"),
    ({ try spoil(&$0, "adam.v.lm_head", at: 3, .infinity) }, "expected finite values, found inf at index 3 of tensor"),
    (
      { try spoil(&$0, "adam.v.wpe", at: 5, -1e-9) },
      "expected 0.0 to 50.0 in tensor \"adam.v.wpe\", found -9.999999717180685e-10 at index 5"
    ),
    (
      { try spoil(&$0, "adam.m.tensor.a", at: 0, -11) },
      "expected -10.0 to 10.0 in tensor \"adam.m.tensor.a\", found -11.0 at index 0"
    ),
    ({ try spoil(&$0, "adam.v.wte", at: 1, 51) }, "expected 0.0 to 50.0 in tensor \"adam.v.wte\", found 51.0"),
    ({ try spoil(&$0, "adam.m.wte", at: 9, 0.125) }, "expected moments of SHA-256"),
    ({ try spoil(&$0, "wte", at: 9, 0.125) }, "expected parameters of SHA-256"),
  ]

  private static func spoil(_ file: inout Safetensors, _ name: String, at index: Int, _ value: Float) throws {
    let position = try #require(file.tensors.firstIndex { $0.name == name })
    var values = file.tensors[position].values(as: Float.self)
    values[index] = value
    file.tensors[position] = .init(name, shape: file.tensors[position].shape, values: values)
  }

  @Test(arguments: misfits.indices) func whatNoTrainingCanGoOnFromIsRefused(index: Int) throws {
    let (path, _) = try Self.savedTraining()
    defer { try? FileManager.default.removeItem(atPath: path) }
    var file = try Safetensors.load(path)
    try Self.misfits[index].change(&file)
    try file.save(path, allowNonFinite: true)
    let error = try #require(throws: FileError.self) { try SavedTraining(path: path) }
    #expect(error.kind == .malformed && error.path == path)
    #expect(error.problem.contains(Self.misfits[index].problem), "\(error)")
  }

  /// A run can begin anywhere in the order of the images: each position by itself, and in any order.
  @Test(arguments: Recipe.Order.allCases) func theOrderOfImagesHasNoState(order: Recipe.Order) {
    var forward = ImageOrder(order, seed: 7, count: 30)
    let expected = (0..<200).map { forward.image(at: $0) }
    for position in (0..<200).shuffled() {
      var fresh = ImageOrder(order, seed: 7, count: 30)
      #expect(fresh.image(at: UInt64(position)) == expected[position])
      #expect(forward.image(at: UInt64(position)) == expected[position])
    }
    for pass in 0..<6 { #expect(expected[30 * pass..<30 * (pass + 1)].sorted() == Array(0..<30)) }
  }

  @Test(.enabled(if: pythonHasSafetensors, "no Python with numpy and safetensors"))
  func pythonReadsTheMoments() throws {
    let (path, session) = try Self.savedTraining()
    defer { try? FileManager.default.removeItem(atPath: path) }
    let script = """
      import hashlib
      from safetensors import safe_open
      with safe_open("\(path)", "numpy") as file:
          names, metadata = file.offset_keys(), file.metadata()
          parameters = [n for n in names if not n.startswith("adam.")]
          for prefix in ("adam.m.", "adam.v."):
              assert [prefix + n for n in parameters] == [n for n in names if n.startswith(prefix)]
          moments = b"".join(file.get_tensor(n).astype("<f4").tobytes() for n in names if n.startswith("adam."))
      print(hashlib.sha256(moments).hexdigest(), metadata["moments_sha256"], metadata["steps"])
      """
    let hash = session.moments().sha256
    #expect(python(script) == "\(hash) \(hash) 15\n")
  }
}
