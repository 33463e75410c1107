import ReferenceKernels
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

/// Training on images that need no file.
struct TrainerTests {
  static let images = DrawnDigits().images(.train, 0..<600)

  func trainer<K: Kernels>(
    _ kernels: K, batch: Int = 1, threads: Int = 1,
    _ change: (inout ModelConfiguration, inout Recipe) -> Void = { _, _ in }
  ) throws -> Trainer<K> {
    var configuration = ModelConfiguration()
    var recipe = Recipe()
    recipe.batch = batch
    change(&configuration, &recipe)
    let model = try VisionLanguageModel(configuration, kernels: kernels, parallel: .openMP)
    model.drawParameters(seed: recipe.seed)
    return try Trainer(model, recipe: recipe, images: Self.images, threads: threads)
  }

  @Test(arguments: [1, 8, 32, 33, 128, 129, 600])
  func blocksCutABatchWithoutGapsIntoEqualWork(batch: Int) {
    let count = Trainer<CKernels>.mostBlocks(batch: batch)
    #expect(count == min(16, Int((Double(batch) / 32).rounded(.up))))
    // Texts of 4 to 6 positions, sorted.
    let work = (0..<batch).map { 11 + 2 * ($0 * 3 / batch) }
    let blocks = Trainer<CKernels>.blocks(of: work, count: count)
    #expect(blocks.flatMap { Array($0) } == Array(0..<batch))
    #expect(blocks.count == count)
    let share = Double(work.reduce(0, +)) / Double(count)
    for block in blocks { #expect(abs(Double(work[block].reduce(0, +)) - share) <= 15) }
  }

  /// Then there are fewer blocks, and still none is empty.
  @Test func anImageMayHaveMoreWorkThanABlock() {
    #expect(Trainer<CKernels>.blocks(of: [1, 100, 1, 1], count: 3) == [0..<2, 2..<3, 3..<4])
    #expect(Trainer<CKernels>.blocks(of: [100, 1, 1], count: 3) == [0..<1, 1..<2, 2..<3])
    #expect(Trainer<CKernels>.blocks(of: [1, 1, 100], count: 3) == [0..<3])
  }

  @Test(arguments: [(1, 1, 1), (1, 8, 1), (32, 8, 1), (33, 8, 2), (128, 3, 3), (128, 64, 4)])
  func aStepTakesAtMostAThreadForEachBlock(batch: Int, threads: Int, taken: Int) throws {
    let trainer = try trainer(CKernels(), batch: batch, threads: threads)
    #expect(trainer.stepThreads == taken)
    #expect(trainer.threads == threads)
  }

  /// In the second model the optimizer cuts the tensors of the base autoencoders.
  @Test(arguments: InstructionSet.available, [(1, 10), (64, 10), (100, 10), (1, 33), (64, 33)])
  func anyNumberOfThreadsGivesTheSameBits(
    instructionSet: InstructionSet, sizes: (batch: Int, baseFeatures: Int)
  ) throws {
    let kernels = try #require(CKernels(instructionSet))
    var hashes: Set<String> = []
    for threads in [1, 2, 3, 4, 8] {
      let trainer = try trainer(kernels, batch: sizes.batch, threads: threads) { configuration, _ in
        configuration.baseFeatures = sizes.baseFeatures
      }
      for _ in 0..<5 { _ = try trainer.step(reportsReconstruction: false) }
      hashes.insert(trainer.model.weightsSHA256)
    }
    #expect(hashes.count == 1)
  }

  /// The mean gradient of a batch is the mean of its images' gradients: in Double to rounding, over 50 images in blocks of
  /// 25 and one by one; over 600, in blocks of 38 and one of 30; over 1100, whose blocks take two passes. In a model of two
  /// layers too, and with an error of the reconstruction.
  @Test(arguments: [(50, 1), (600, 1), (1100, 1), (50, 2), (1100, 2)])
  func aBatchGivesTheMeanGradient(batch: Int, layers: Int) throws {
    let kernels = Reference<Double>()
    let batched = try trainer(kernels, batch: batch) { configuration, _ in
      configuration.layers = layers
      configuration.width = 16
      configuration.reconstructionWeight = 0.5
    }
    let model = batched.model
    var mean = [Double](repeating: 0, count: model.table.count)
    let workspace = Workspace<Double>()
    let gradient = Gradient<Double>(model.table, model.configuration)
    for image in 0..<batch {
      try takeGradient(gradient, of: image % Self.images.count, model, workspace)
      for (index, value) in gradient.buffer.values.enumerated() { mean[index] += value / Double(batch) }
    }
    // Twice: the second must not add to the first.
    for _ in 0..<2 {
      _ = batched.meanGradient(
        of: (0..<batch).map { ImageInput.Draw(image: $0 % Self.images.count, number: 0) }, wantsReconstruction: false)
      #expect(relativeError(batched.gradientValues, mean) < 1e-12)
    }
  }

  /// A step takes the images that follow those of the step before, none twice and none left out, and reports their losses
  /// and the name of the first.
  @Test(arguments: [1, 7, 300], Recipe.Order.allCases) func aStepTakesTheNextImages(
    batch: Int, order: Recipe.Order
  ) throws {
    let trainer = try trainer(CKernels(), batch: batch) { _, recipe in recipe.order = order }
    var expectedOrder = ImageOrder(order, seed: trainer.recipe.seed, count: Self.images.count)
    for step in 0..<5 {
      let images = (step * batch..<(step + 1) * batch).map {
        ImageInput.Draw(image: expectedOrder.image(at: UInt64($0)), number: UInt64($0))
      }
      let expected = trainer.meanGradient(of: images, wantsReconstruction: true)
      let report = try trainer.step(reportsReconstruction: true)
      #expect(report.text == expected.text / Double(batch), "step \(step)")
      #expect(report.reconstruction == expected.reconstruction / Double(batch), "step \(step)")
      #expect(report.loss == report.text + 0.01 * report.reconstruction)
      #expect(
        report.target == trainer.model.configuration.names[Int(Self.images.labels[images[0].image])], "step \(step)")
      #expect(report.step == step + 1)
    }
  }

  /// To the bit, as if there were no others: in any order, and with local stages and augmentation.
  @Test(arguments: [Preset.augmented, .tiny]) func imagesThatAreLeftOutAreNotTrainedOn(preset: Preset) throws {
    let labels = Self.images.labels
    let (twos, rest) = (UInt8(2), (0..<500).filter { labels[$0] != 2 })
    let kept = LabelledImages(
      images: rest.flatMap { Array(Self.images[$0]) }, labels: rest.map { labels[$0] }, size: Self.images.size)
    #expect(labels[..<500].contains(twos) && !kept.labels.contains(twos))
    var recipe = preset.recipe(steps: 12)
    (recipe.batch, recipe.heldOut, recipe.unseen) = (40, 100, ["two"])
    var own = recipe
    (own.heldOut, own.unseen) = (0, [])
    let weights = try [(recipe, Self.images), (own, kept), (own, Self.images)].map { recipe, images in
      let model = try VisionLanguageModel(preset.configuration, kernels: CKernels())
      model.drawParameters(seed: 42)
      let trainer = try Trainer(model, recipe: recipe, images: images)
      for _ in 0..<12 { _ = try trainer.step() }
      return model.buffer.values
    }
    #expect(weights[0] == weights[1] && weights[0] != weights[2])
  }

  /// The number of the draw decides how an image is moved, and nothing else does: not its place, nor its block.
  @Test func anImageIsMovedByItsDrawAlone() throws {
    let trainer = try trainer(CKernels(), batch: 2) { configuration, recipe in
      configuration = Preset.lean.configuration
      recipe = Preset.lean.recipe(steps: 10)
      recipe.batch = 2
    }
    func gradient(_ draws: [(image: Int, number: UInt64)]) -> [Float] {
      _ = trainer.meanGradient(
        of: draws.map { ImageInput.Draw(image: $0.image, number: $0.number) }, wantsReconstruction: false)
      return trainer.gradientValues
    }
    let label = Self.images.labels[0]
    let same = try #require((1..<600).first { Self.images.labels[$0] == label })
    let once = gradient([(0, 5), (same, 6)])
    #expect(once == gradient([(0, 5), (same, 6)]))
    #expect(once != gradient([(0, 6), (same, 5)]))
    #expect(once != gradient([(0, 5), (same, 7)]))
  }

  /// Writes the gradient of one image, in Double.
  private func takeGradient(
    _ gradient: Gradient<Double>, of image: Int, _ model: VisionLanguageModel<Reference<Double>>,
    _ workspace: Workspace<Double>
  ) throws {
    workspace.reset()
    let text = model.vocabulary.texts[Int(Self.images.labels[image])]
    let block = workspace.microbatch(texts: [text], configuration: model.configuration, batch: 1)
    _ = try ImageInput(of: 28, pooled: 14)
      .forward(model.kernels, Self.images, CollectionOfOne(image), weights: [], into: block.x, &workspace.arena)
    _ = model.lossAndGradient(
      block, gradient: gradient, batch: 1, accumulate: false, wantsReconstruction: false, &workspace.arena)
  }

  /// A single image's gradient of the tensors that face its pixels is not written: that of 80 rows of 196 weights, half
  /// of all. Adam makes the same of it to rounding, in Double, as of the gradient written out.
  @Test func whatIsKeptAsOuterProductsMovesParametersAsIfWritten() throws {
    let kernels = Reference<Double>()
    var moved: [[Double]] = []
    for keeps in [true, false] {
      let model = try trainer(kernels).model
      let optimizer = Optimizer(kernels: kernels, recipe: Recipe(), table: model.table)
      let gradient = Gradient<Double>(model.table, model.configuration, keepsOuterProducts: keeps)
      let workspace = Workspace<Double>()
      for step in 0..<5 {
        try takeGradient(gradient, of: step, model, workspace)
        let kept = gradient.outerProducts.reduce(0) { $0 + $1.d.columns }
        #expect(keeps ? kept == 80 || kept == 64 : kept == 0, "64 with a gradient of the reconstruction")
        try optimizer.step(model.buffer, gradient: gradient, step: step)
      }
      moved.append(model.buffer.values)
    }
    #expect(relativeError(moved[0], moved[1]) < 1e-13)
  }

  @Test func cAndReferenceTakeTheSameFirstSteps() throws {
    let c = try trainer(CKernels())
    let reference = try trainer(Reference<Double>())
    for _ in 0..<20 {
      let (found, expected) = (
        try c.step(reportsReconstruction: true), try reference.step(reportsReconstruction: true)
      )
      #expect(abs(found.loss - expected.loss) < 1e-3 * expected.loss)
      #expect(found.target == expected.target)
    }
  }

  @Test func theReferenceStopsAndNamesATensorThatIsNotFinite() throws {
    try expectNotFiniteIsCaught(Reference<Double>())
  }

  @Test func cStopsAndNamesATensorThatIsNotFinite() throws {
    try expectNotFiniteIsCaught(CKernels())
  }

  /// Infinity among the weights of a tensor makes the loss NaN or the gradient infinite; the step changes nothing.
  func expectNotFiniteIsCaught<K: Kernels>(_ kernels: K) throws {
    for name in ["wpe", "lm_head", "layers.0.mlp.fc1", "tensor.b", "direct.3.1"] {
      let trainer = try trainer(kernels)
      _ = try trainer.step(reportsReconstruction: false)
      let entry = try #require(trainer.model.table.entries.first { $0.name == name })
      for column in 0..<entry.columns { trainer.model.matrix(entry)[0, column] = .infinity }
      let before = trainer.model.weightsSHA256
      #expect(throws: TrainingError.self, "\(name)") { try trainer.step(reportsReconstruction: false) }
      #expect(trainer.model.weightsSHA256 == before, "\(name)")
      #expect(trainer.stepsDone == 1)
    }
  }

  /// An infinity in the gradient alone, while the loss is finite: the tensor is named, and no parameter has moved.
  @Test func anInfiniteGradientIsNamed() throws {
    let model = try trainer(CKernels()).model
    let optimizer = Optimizer(kernels: CKernels(), recipe: Recipe(), table: model.table)
    let p = Buffer<Float>(count: optimizer.table.count)
    let gradient = Gradient<Float>(model.table, model.configuration)
    let entry = try #require(optimizer.table.entries.first { $0.name == "layers.0.attention.wk" })
    gradient.buffer.all[0, entry.range.lowerBound + 3] = -.infinity
    #expect(throws: TrainingError.notFinite(tensor: "layers.0.attention.wk", step: 4)) {
      try optimizer.step(p, gradient: gradient, step: 4)
    }
    #expect(p.values.allSatisfy { $0 == 0 })
  }

  @Test func extremeImagesDoNotBreakTheModel() throws {
    for value: UInt8 in [0, 255] {
      var images = [UInt8](repeating: value, count: 784)
      if value == 0 { images += images.indices.map { $0 == 400 ? 255 : 0 } }
      let labels = [UInt8](repeating: 3, count: images.count / 784)
      var recipe = Recipe()
      recipe.batch = labels.count
      let session = try KernelChoice().train(
        ModelConfiguration(), recipe: recipe,
        images: LabelledImages(images: images, labels: labels, size: ImageSize(28, 28)),
        threads: 1)
      for _ in 0..<50 { #expect(try session.step(reportsReconstruction: true).loss.isFinite) }
    }
  }

  @Test func clipsBringGradientsToTheirLimits() throws {
    var recipe = Recipe()
    recipe.beta1 = 0
    let trainer = try trainer(Reference<Double>())
    let optimizer = Optimizer(kernels: Reference<Double>(), recipe: recipe, table: trainer.model.table)
    let gradient = Gradient<Double>(optimizer.table, trainer.model.configuration)
    for entry in optimizer.table.entries { gradient.buffer.all[0, entry.range.lowerBound] = 3 }
    try optimizer.step(Buffer(count: optimizer.table.count), gradient: gradient, step: 0)
    // 11 feature tensors of norm 3 are clipped to 1, the other 11 are not: 11 · 1 + 11 · 9 = 110 before the global clip.
    let scale = 5 / (110.0.squareRoot() + 1e-8)
    for entry in optimizer.table.entries {
      let clipped = entry.isFeature ? 3 / (3 + 1e-8) : 3
      #expect(abs(optimizer.adam.m.all[0, entry.range.lowerBound] - clipped * scale) < 1e-7, "\(entry.name)")
    }
  }
}

struct KernelProfileTests {
  /// The profiled kernels are the same kernels, and every operation of a step is in their account.
  @Test func aProfiledStepIsTheSameStepAndItsOperationsAreCounted() throws {
    let images = DrawnDigits().images(.train, 0..<200)
    var recipe = Recipe()
    recipe.batch = 40
    let profile = KernelProfile()
    let plain = try KernelChoice().train(ModelConfiguration(), recipe: recipe, images: images, threads: 2)
    let profiled = try KernelChoice().train(
      ModelConfiguration(), recipe: recipe, images: images, threads: 2, profile: profile)
    let steps = 50
    let time = try ContinuousClock().measure {
      for _ in 0..<steps { _ = try profiled.step(reportsReconstruction: false) }
    }
    for _ in 0..<steps { _ = try plain.step(reportsReconstruction: false) }
    #expect(profiled.model.weightsSHA256 == plain.model.weightsSHA256)
    #expect(profiled.threads == 1)

    let kernels = profile.entries.reduce(0) { $0 + $1.nanoseconds }
    #expect(kernels > 0 && profile.nanosecondsBetween > 0 && profile.overhead.inside > 0)
    #expect(.nanoseconds(kernels + profile.nanosecondsBetween) <= time)
    let calls = Dictionary(uniqueKeysWithValues: profile.entries.map { ($0.name, $0.calls) })
    // 11 feature tensors, and all other parameters at once.
    #expect(calls["adam step"] == (11 + 1) * steps)
    // 40 images are two blocks.
    #expect(calls["vision projection forward"] == 2 * steps && calls["vision attention backward"] == 2 * steps)
    #expect(calls["MLP forward"] == 2 * steps)
  }

  /// Operations and what is between them are all time from the first to the last: at least from a moment inside the first
  /// to one inside the last, at most from before the first to after the last, however the machine interrupts them.
  @Test func theAccountHasAllTimeFromTheFirstOperationToTheLast() {
    let profile = KernelProfile()
    let operations: [StaticString] = ["first", "second", "third", "fourth"]
    let before = ContinuousClock.now
    let inFirst = profile.measure("first") { ContinuousClock.now }
    var inLast = inFirst
    for operation in operations { inLast = profile.measure(operation) { ContinuousClock.now } }
    let after = ContinuousClock.now
    let account = Duration.nanoseconds(profile.entries.reduce(profile.nanosecondsBetween) { $0 + $1.nanoseconds })
    #expect(account >= inFirst.duration(to: inLast) && account <= before.duration(to: after))
    #expect(profile.entries.allSatisfy { $0.nanoseconds >= 0 } && profile.nanosecondsBetween >= 0)
    #expect(profile.entries.map(\.operation.description) == operations.map(\.description))
    #expect(profile.entries.map(\.calls) == [2, 1, 1, 1])
  }

  @Test func theReferenceIsNotProfiled() throws {
    let kernels = try KernelChoice(.reference)
    #expect(throws: ConfigurationError.self) {
      try kernels.train(
        ModelConfiguration(), recipe: Recipe(), images: DrawnDigits().images(.train, 0..<2), threads: 1,
        profile: KernelProfile())
    }
  }
}
