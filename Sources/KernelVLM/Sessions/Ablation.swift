import ReferenceKernels
import Synchronization

/// What a model learns with some of its parts exchanged or left out: every gradient with every attention and every set of
/// features, or trainings of several kinds with either attention, each from several seeds.
public struct Ablation: Sendable {
  /// Which vision features a model has.
  public enum FeatureSet: String, CaseIterable, Sendable {
    /// Every feature.
    case all
    /// Without the tensor product of the base autoencoders.
    case direct
    /// The tensor product of the base autoencoders alone.
    case tensor
    /// Direct features of degree 2 alone.
    case degree2

    /// `configuration` with only these of its features. Without direct features of degree 2 there is nothing to
    /// reconstruct from, and the weight of the reconstruction is 0.
    public func applied(to configuration: ModelConfiguration) -> ModelConfiguration {
      var c = configuration
      if self == .direct || self == .degree2 {
        c.tensorTokens = 0
        c.baseFeatures = 0
      }
      if self == .tensor { c.direct = [] }
      if self == .degree2 { c.direct.removeAll { $0.degree != 2 } }
      if !c.hasReconstruction { c.reconstructionWeight = 0 }
      return c
    }
  }

  /// In which way a model is trained, and with what in front of its features.
  public enum Training: String, CaseIterable, Sendable {
    /// 7000 steps of one image.
    case exact
    /// In batches, without augmentation.
    case batches
    /// In batches of augmented images.
    case augmented
    /// As the local model is, but the default model.
    case pooled
    /// With two local stages.
    case local
    /// With two local stages and less behind them.
    case lean
    /// With less still.
    case tiny

    /// What it starts from.
    public var preset: Preset {
      switch self {
      case .exact: .exact
      case .batches, .augmented: .augmented
      case .pooled, .local: .local
      case .lean: .lean
      case .tiny: .tiny
      }
    }

    /// Its model.
    public var configuration: ModelConfiguration {
      var c = preset.configuration
      if self == .pooled { (c.stages, c.imageSize) = ([], ModelConfiguration().imageSize) }
      return c
    }

    /// How it is trained, in other than its own number of steps if that is given.
    public func recipe(steps: Int? = nil) -> Recipe {
      var r = preset.recipe(steps: steps ?? preset.recipe.steps)
      if self == .batches { r.augmentation = AugmentationStrength() }
      return r
    }
  }

  /// One row and column of the table.
  public struct Arm: Hashable, Sendable {
    /// The gradient that it is trained by.
    public let gradient: GradientKind
    /// How it scores.
    public let attention: ModelConfiguration.Attention
    /// What it sees.
    public let features: FeatureSet
    /// How it is trained.
    public let training: Training

    /// One that is trained in 7000 steps of one image unless another way is named.
    public init(
      gradient: GradientKind, attention: ModelConfiguration.Attention, features: FeatureSet, training: Training = .exact
    ) {
      self.gradient = gradient
      self.attention = attention
      self.features = features
      self.training = training
    }

    /// The model, with what this arm exchanges.
    public var configuration: ModelConfiguration {
      var c = training.configuration
      c.gradient = gradient
      c.attention = attention
      return features.applied(to: c)
    }
  }

  /// The accuracies of one arm, in the order of the seeds.
  public struct Result: Equatable, Sendable {
    /// What was trained.
    public let arm: Arm
    /// In the order of the seeds; 0 to 1.
    public let accuracies: [Double]
    /// That each training took on its thread, its evaluation included.
    public let seconds: [Double]

    /// Of the accuracies.
    public var mean: Double { accuracies.reduce(0, +) / Double(accuracies.count) }

    /// √(Σ (a − mean)² / (n − 1)); nil for a single seed.
    public var standardDeviation: Double? {
      guard accuracies.count > 1 else { return nil }
      let squares = accuracies.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      return (squares / Double(accuracies.count - 1)).squareRoot()
    }
  }

  /// What is trained, from every seed.
  public let arms: [Arm]
  /// Of every training; nil for those of its own recipe.
  public let steps: Int?
  /// Neighbouring ones.
  public let seeds: [UInt32]

  /// - Parameters:
  ///   - features: the columns of the table.
  ///   - trainings: if there are others than the default, all are with the true gradient.
  ///   - steps: of every training, if not those of its own recipe.
  ///   - seed: the first of `seeds` neighbouring ones.
  ///   - seeds: how many trainings each arm has; at least 1.
  public init(
    features: [FeatureSet] = FeatureSet.allCases, trainings: [Training] = [.exact], steps: Int? = nil,
    seed: UInt32 = Recipe().seed, seeds: Int = 3
  ) {
    precondition(seeds >= 1, "\(seeds) seeds")
    let gradients: [GradientKind] = trainings == [.exact] ? [.published, .exact] : [.exact]
    arms = trainings.flatMap { training in
      gradients.flatMap { gradient in
        [ModelConfiguration.Attention.tensor, .dot].flatMap { attention in
          features.map { Arm(gradient: gradient, attention: attention, features: $0, training: training) }
        }
      }
    }
    self.steps = steps
    self.seeds = (0..<UInt32(seeds)).map { seed &+ $0 }
  }

  /// How an arm is trained from the seed `seed`.
  public func recipe(_ arm: Arm, seed: UInt32) -> Recipe {
    var recipe = arm.training.recipe(steps: steps)
    recipe.seed = seed
    return recipe
  }

  /// arms × seeds.
  public var trainings: Int { arms.count * seeds.count }

  /// Trains every arm from every seed, `jobs` at a time.
  /// - Parameters:
  ///   - jobs: trainings at a time.
  ///   - accuracy: trains one model and measures it. It runs on several threads.
  ///   - progress: called after each training with how many are done; one call at a time.
  /// - Throws: what `accuracy` threw first. Trainings that have begun are finished, others are left out.
  public func run(
    jobs: Int, accuracy: @Sendable (ModelConfiguration, Recipe) throws -> Double,
    progress: @Sendable (_ done: Int) -> Void = { _ in }
  ) throws -> [Result] {
    let state = Mutex(State(trainings: trainings))
    let jobs = max(1, min(jobs, trainings))
    Threads.share(count: jobs, threads: jobs) { _, _ in
      while let index = state.withLock({ $0.take() }) {
        let arm = arms[index / seeds.count]
        let recipe = recipe(arm, seed: seeds[index % seeds.count])
        let start = ContinuousClock.now
        let measured = Swift.Result { try accuracy(arm.configuration, recipe) }
        let seconds = start.duration(to: .now) / .seconds(1)
        state.withLock {
          $0.finish(index, measured, seconds: seconds)
          progress($0.done)
        }
      }
    }
    return try state.withLock { state in
      if let failure = state.failure { throw failure }
      return arms.enumerated().map { index, arm in
        let its = index * seeds.count..<(index + 1) * seeds.count
        return Result(arm: arm, accuracies: Array(state.accuracies[its]), seconds: Array(state.seconds[its]))
      }
    }
  }

  private struct State {
    var accuracies: [Double]
    var seconds: [Double]
    var next = 0
    var done = 0
    var failure: (any Error)?

    init(trainings: Int) {
      accuracies = [Double](repeating: 0, count: trainings)
      seconds = accuracies
    }

    mutating func take() -> Int? {
      guard failure == nil, next < accuracies.count else { return nil }
      next += 1
      return next - 1
    }

    mutating func finish(_ index: Int, _ measured: Swift.Result<Double, any Error>, seconds: Double) {
      done += 1
      self.seconds[index] = seconds
      switch measured {
      case .success(let accuracy): accuracies[index] = accuracy
      case .failure(let error): failure = failure ?? error
      }
    }
  }
}
