import ReferenceKernels

/// What one step reports: the loss of its batch before the step, as means over its images.
public struct StepReport: Equatable, Sendable {
  /// Steps done, this one included.
  public let step: Int
  /// Mean of −log p over what a name predicts.
  public let text: Double
  /// Reconstruction error; 0 if the step did not compute it.
  public let reconstruction: Double
  /// text + weight · reconstruction.
  public let loss: Double
  /// Name of the batch's first image.
  public let target: String
}

/// Trains a model, one step at a time.
///
/// The images of a batch are sorted by label, so that those with the same text are neighbours, and cut into blocks of equal
/// work, which depend on the batch alone. Each block has a gradient of its own, summed over its images in their order, and
/// the gradients are added in the order of the blocks: the same bits for any number of threads.
public final class Trainer<K: Kernels> {
  /// The numbers that the model computes with.
  public typealias Scalar = K.Scalar

  /// What is trained; each step changes its parameters.
  public let model: VisionLanguageModel<K>
  /// How it is trained.
  public let recipe: Recipe
  private let images: LabelledImages
  /// Those of them that are trained on.
  private let seen: SeenImages
  private let input: ImageInput
  /// Images that go through the model together; a larger block takes several passes.
  private let imagesPerPass: Int
  /// What an image is besides its text, in halves of a position's work.
  private let imageWork: Int
  /// The most threads that a step may take.
  public let threads: Int
  /// Threads that a step is worth: what they share is the blocks of its batch, and Adam if there are several of them. A
  /// step of one block stays on one core: sharing Adam alone would cost more than it gains, since each core then waits
  /// for the parameters and gradients that are in the other's cache.
  public let stepThreads: Int
  let optimizer: Optimizer<K>
  private var order: ImageOrder
  /// One for each block that a batch may have.
  private let gradients: [Gradient<Scalar>]
  private let workspaces: [Workspace<Scalar>]
  /// Adam's moments: m of all parameters and then v, each laid out as the parameters are.
  public var moments: [Buffer<Scalar>] { [optimizer.adam.m, optimizer.adam.v] }
  /// Steps done so far.
  public package(set) var stepsDone = 0

  /// A training that has not begun, on at most `threads` threads of the model's.
  /// - Throws: `ConfigurationError` if the recipe, the labels or the size of the images do not fit the model.
  public init(
    _ model: VisionLanguageModel<K>, recipe: Recipe, images: LabelledImages, threads: Int = 1
  ) throws(ConfigurationError) {
    try recipe.validate()
    guard images.count > 0 else { throw ConfigurationError("training images", value: 0, rule: "at least 1") }
    guard let label = images.labels.max() else {
      throw ConfigurationError("labels", value: "none", rule: "one for each training image")
    }
    let names = model.configuration.names.count
    guard label < names else {
      throw ConfigurationError("label", value: label, rule: "below the number of names, \(names)")
    }
    self.model = model
    self.recipe = recipe
    self.images = images
    input = try ImageInput(of: images.size, model.configuration)
    imagesPerPass = model.imagesPerPass(most: 64)
    // Its features take about as long as half a position of its text.
    imageWork = 1 + 2 * model.configuration.stageWork
    seen = try SeenImages(images, recipe: recipe, names: model.configuration.names)
    optimizer = Optimizer(kernels: model.kernels, parallel: model.parallel, recipe: recipe, table: model.table)
    order = ImageOrder(recipe.order, seed: recipe.seed, count: seen.count)
    let blocks = Self.mostBlocks(batch: recipe.batch)
    self.threads = max(1, threads)
    stepThreads = min(self.threads, blocks)
    gradients = (0..<blocks).map { _ in
      Gradient(model.table, model.configuration, keepsOuterProducts: recipe.batch == 1)
    }
    workspaces = (0..<stepThreads).map { _ in Workspace() }
  }

  /// The gradient that the last step took, before the clips.
  var gradientValues: [Scalar] {
    gradients[0].write(model.kernels)
    return gradients[0].buffer.values
  }

  /// Blocks of 32 images, or 16 blocks. Fewer and larger ones have fewer gradients to add, and share more work between
  /// their images.
  static func mostBlocks(batch: Int) -> Int { min((batch + 31) / 32, 16) }

  /// Cuts images whose work is known into at most `count` blocks of about the same work, without gaps.
  static func blocks(of work: [Int], count: Int) -> [Range<Int>] {
    let total = work.reduce(0, +)
    var blocks: [Range<Int>] = []
    var done = 0
    for (image, itsWork) in work.enumerated() {
      done += itsWork
      if done * count >= total * (blocks.count + 1) { blocks.append((blocks.last?.upperBound ?? 0)..<image + 1) }
    }
    return blocks
  }

  /// Takes one step. A step that throws changes nothing.
  /// - Parameters:
  ///   - threads: at most `stepThreads`, which is what nil means; no bit depends on it.
  ///   - reportsReconstruction: whether to compute the reconstruction error even where no gradient asks for it.
  @specialized(where K == CKernels)
  @specialized(where K == ProfiledKernels<CKernels>)
  @specialized(where K == Reference<Float>)
  @specialized(where K == Reference<Double>)
  public func step(threads: Int? = nil, reportsReconstruction: Bool = false) throws(TrainingError) -> StepReport {
    guard stepsDone < recipe.scheduleSteps else { throw .scheduleEnded(step: stepsDone) }
    let threads = threads ?? stepThreads
    // More positions than an Int of 32 bits can tell apart.
    let first = UInt64(stepsDone) &* UInt64(recipe.batch)
    let batch = (0..<UInt64(recipe.batch)).map {
      ImageInput.Draw(image: seen[order.image(at: first &+ $0)], number: first &+ $0)
    }
    let sum = meanGradient(of: batch, threads: threads, wantsReconstruction: reportsReconstruction)
    let text = sum.text / Double(recipe.batch)
    let reconstruction = sum.reconstruction / Double(recipe.batch)
    let loss = text + model.configuration.reconstructionWeight * reconstruction
    guard loss.isFinite else {
      throw optimizer.failure(model.buffer, gradient: gradients[0], otherwise: "loss", step: stepsDone)
    }
    try optimizer.step(model.buffer, gradient: gradients[0], step: stepsDone, threads: threads)
    stepsDone += 1
    return StepReport(
      step: stepsDone, text: text, reconstruction: reconstruction, loss: loss,
      target: model.configuration.names[Int(images.labels[batch[0].image])])
  }

  /// Writes the mean gradient of some images, as many as a batch has, to `gradients[0]`.
  func meanGradient(of batch: [ImageInput.Draw], threads: Int = 1, wantsReconstruction: Bool) -> LossSum {
    let batch = sortedByLabel(batch)
    let blocks = blocks(batch)
    var sums = blocks.map { _ in LossSum() }
    sums.withUnsafeMutableBufferPointer { sums in
      model.parallel(count: blocks.count, threads: threads) { index, thread in
        sums[index] = blockGradient(
          batch[blocks[index]], block: index, workspaces[thread], wantsReconstruction: wantsReconstruction)
      }
    }
    optimizer.add(gradients[..<blocks.count].dropFirst(), to: gradients[0], threads: threads)
    return sums.reduce(into: LossSum()) { $0.add($1) }
  }

  /// The images of a batch by label; those of the same label keep the order of the batch. A counting sort.
  private func sortedByLabel(_ batch: [ImageInput.Draw]) -> [ImageInput.Draw] {
    guard batch.count > 1 else { return batch }
    var next = [Int](repeating: 0, count: model.configuration.names.count + 1)
    for draw in batch { next[Int(images.labels[draw.image]) + 1] += 1 }
    for label in 1..<next.count { next[label] += next[label - 1] }
    var sorted = batch
    for draw in batch {
      let label = Int(images.labels[draw.image])
      sorted[next[label]] = draw
      next[label] += 1
    }
    return sorted
  }

  private func blocks(_ batch: [ImageInput.Draw]) -> [Range<Int>] {
    guard gradients.count > 1 else { return [batch.indices] }
    let work = batch.map { 2 * model.vocabulary.texts[Int(images.labels[$0.image])].count + imageWork }
    return Self.blocks(of: work, count: gradients.count)
  }

  private func blockGradient(
    _ block: ArraySlice<ImageInput.Draw>, block index: Int, _ workspace: Workspace<Scalar>, wantsReconstruction: Bool
  ) -> LossSum {
    let labels = images.labels
    var sum = LossSum()
    let weights = model.localWeights
    for first in stride(from: block.startIndex, to: block.endIndex, by: imagesPerPass) {
      let pass = block[first..<min(first + imagesPerPass, block.endIndex)]
      let accumulate = first > block.startIndex
      workspace.reset()
      let laidOut = workspace.microbatch(
        texts: pass.lazy.map { [texts = model.vocabulary.texts] in texts[Int(labels[$0.image])] },
        configuration: model.configuration, batch: recipe.batch)
      let activations = input.forward(
        model.kernels, images, pass, recipe.augmentation, seed: recipe.seed, weights: weights, into: laidOut.x,
        &workspace.arena)
      let dx = weights.isEmpty ? nil : workspace.arena.matrix(pass.count, laidOut.x.columns)
      sum.add(
        model.lossAndGradient(
          laidOut, gradient: gradients[index], dx: dx, batch: recipe.batch, accumulate: accumulate,
          wantsReconstruction: wantsReconstruction, &workspace.arena))
      guard let dx else { continue }
      input.backward(
        model.kernels, dweights: gradients[index].matrices.local, dx: dx, activations: activations, weights: weights,
        accumulate: accumulate, &workspace.arena)
    }
    return sum
  }
}
