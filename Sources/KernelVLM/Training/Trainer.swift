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

/// A training that is under way, whatever its kernels.
public protocol TrainingSession: AnyObject {
  /// Steps done so far.
  var stepsDone: Int { get }
  /// The most threads that share a step.
  var threads: Int { get }
  var model: any SpellingModel { get }
  var recipe: Recipe { get }
  /// Adam's moments as the tensors of a checkpoint, in the model's own precision: m of each parameter tensor, then v.
  func moments() -> [Safetensors.Tensor]
  /// Takes one step. A step that throws changes nothing.
  /// - Parameter reportsReconstruction: whether to compute the reconstruction error even where no gradient asks for it.
  func step(reportsReconstruction: Bool) throws(TrainingError) -> StepReport
}

/// Trains a model, one step at a time.
///
/// The images of a batch are cut into blocks whose size depends on the batch alone. Each block has a gradient of its
/// own, and the gradients are added in order: the same bits for any number of threads.
public final class Trainer<K: Kernels>: TrainingSession {
  typealias Scalar = K.Scalar

  /// Images that go through the model together; a larger block takes several passes.
  private static var imagesPerPass: Int { 16 }

  let languageModel: VisionLanguageModel<K>
  public let recipe: Recipe
  private let images: LabelledImages
  private let pooling: Pooling
  public let threads: Int
  /// Threads that a step is worth: what they share is the blocks of its batch, and Adam if there are several of them. A
  /// step of one block stays on one core: sharing Adam alone would cost more than it gains, since each core then waits
  /// for the parameters and gradients that are in the other's cache.
  let stepThreads: Int
  /// nil if every step takes `stepThreads`.
  private var threadChoice: ThreadChoice?
  let optimizer: Optimizer<K>
  private var order: ImageOrder
  /// Positions of the batch that each block takes.
  private let blocks: [Range<Int>]
  private let gradients: [Gradient<Scalar>]
  private let workspaces: [Workspace<Scalar>]
  public internal(set) var stepsDone = 0

  public var model: any SpellingModel { languageModel }

  /// - Parameters:
  ///   - threads: at most so many.
  ///   - measuresThreads: whether to use fewer where steps turn out to be faster with fewer, instead of all at every step.
  /// - Throws: `ConfigurationError` if the recipe, the labels or the size of the images do not fit the model.
  public init(
    _ model: VisionLanguageModel<K>, recipe: Recipe, images: LabelledImages, threads: Int, measuresThreads: Bool = false
  ) throws(ConfigurationError) {
    try recipe.validate()
    guard let label = images.labels.max() else {
      throw ConfigurationError("training images", value: 0, rule: "at least 1")
    }
    let names = model.configuration.names.count
    guard label < names else {
      throw ConfigurationError("label", value: label, rule: "below the number of names, \(names)")
    }
    languageModel = model
    self.recipe = recipe
    self.images = images
    pooling = try Pooling(side: images.side, size: model.configuration.imageSize)
    optimizer = Optimizer(kernels: model.kernels, recipe: recipe, table: model.table)
    order = ImageOrder(recipe.order, seed: recipe.seed, count: images.count)
    blocks = Self.blocks(of: recipe.batch)
    self.threads = max(1, threads)
    stepThreads = min(self.threads, blocks.count)
    threadChoice = measuresThreads && stepThreads > 1 ? ThreadChoice(most: stepThreads) : nil
    gradients = blocks.map { _ in
      Gradient(model.table, model.configuration, keepsOuterProducts: recipe.batch == 1)
    }
    workspaces = (0..<stepThreads).map { _ in Workspace() }
  }

  /// The gradient that the last step took, before the clips.
  var gradientValues: [Scalar] {
    gradients[0].write(languageModel.kernels)
    return gradients[0].buffer.values
  }

  /// Cuts a batch into equal blocks of at most 16 images, or into 16 blocks. Fewer and larger ones have fewer gradients
  /// to add, and share more work between their images.
  static func blocks(of batch: Int) -> [Range<Int>] {
    let count = min((batch + 15) / 16, 16)
    let size = (batch + count - 1) / count
    return stride(from: 0, to: batch, by: size).map { $0..<min($0 + size, batch) }
  }

  @specialized(where K == CKernels)
  @specialized(where K == ProfiledKernels<CKernels>)
  @specialized(where K == Reference<Float>)
  @specialized(where K == Reference<Double>)
  public func step(reportsReconstruction: Bool) throws(TrainingError) -> StepReport {
    guard let threads = threadChoice?.threads else {
      return try step(threads: stepThreads, reportsReconstruction: reportsReconstruction)
    }
    let start = ContinuousClock.now
    let report = try step(threads: threads, reportsReconstruction: reportsReconstruction)
    threadChoice?.record(seconds: start.duration(to: .now) / .seconds(1))
    return report
  }

  private func step(threads: Int, reportsReconstruction: Bool) throws(TrainingError) -> StepReport {
    let batch = (0..<recipe.batch).map { order.image(at: stepsDone * recipe.batch + $0) }
    let sum = meanGradient(of: batch, threads: threads, wantsReconstruction: reportsReconstruction)
    let text = sum.text / Double(recipe.batch)
    let reconstruction = sum.reconstruction / Double(recipe.batch)
    let loss = text + languageModel.configuration.reconstructionWeight * reconstruction
    guard loss.isFinite else {
      throw optimizer.failure(languageModel.buffer, gradient: gradients[0], otherwise: "loss", step: stepsDone)
    }
    try optimizer.step(languageModel.buffer, gradient: gradients[0], step: stepsDone, threads: threads)
    stepsDone += 1
    return StepReport(
      step: stepsDone, text: text, reconstruction: reconstruction, loss: loss,
      target: languageModel.configuration.names[Int(images.labels[batch[0]])])
  }

  /// Writes the mean gradient of some images, as many as a batch has, to `gradients[0]`.
  func meanGradient(of batch: [Int], threads: Int = 1, wantsReconstruction: Bool) -> LossSum {
    let kernels = languageModel.kernels
    var sums = blocks.map { _ in LossSum() }
    sums.withUnsafeMutableBufferPointer { sums in
      kernels.parallel(count: blocks.count, threads: threads) { index, thread in
        sums[index] = blockGradient(
          batch[blocks[index]], block: index, workspaces[thread], wantsReconstruction: wantsReconstruction)
      }
    }
    optimizer.add(gradients.dropFirst(), to: gradients[0], threads: threads)
    return sums.reduce(into: LossSum()) { $0.add($1) }
  }

  private func blockGradient(
    _ block: ArraySlice<Int>, block index: Int, _ workspace: Workspace<Scalar>, wantsReconstruction: Bool
  ) -> LossSum {
    var sum = LossSum()
    for first in stride(from: block.startIndex, to: block.endIndex, by: Self.imagesPerPass) {
      let pass = block[first..<min(first + Self.imagesPerPass, block.endIndex)]
      workspace.reset()
      let laidOut = workspace.block(
        texts: pass.map { languageModel.vocabulary.texts[Int(images.labels[$0])] },
        configuration: languageModel.configuration, batch: recipe.batch)
      for (row, image) in pass.enumerated() {
        pooling(languageModel.kernels, images, image, into: laidOut.x.rows(row..<row + 1))
      }
      sum.add(
        languageModel.lossAndGradient(
          laidOut, gradient: gradients[index], batch: recipe.batch, accumulate: first > block.startIndex,
          wantsReconstruction: wantsReconstruction, &workspace.arena))
    }
    return sum
  }
}
