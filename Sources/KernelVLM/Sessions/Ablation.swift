import ReferenceKernels
import Synchronization

/// What a model learns with some of its parts exchanged or left out: every gradient with every attention and every set
/// of features, each trained from several seeds.
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

  /// One row and column of the table.
  public struct Arm: Hashable, Sendable {
    /// The gradient that it is trained by.
    public let gradient: GradientKind
    /// How it scores.
    public let attention: ModelConfiguration.Attention
    /// What it sees.
    public let features: FeatureSet

    /// The default model, with what this arm exchanges.
    public var configuration: ModelConfiguration {
      var c = ModelConfiguration()
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
  /// Of every training, but for the seed.
  public let recipe: Recipe
  /// Neighbouring ones.
  public let seeds: [UInt32]

  /// - Parameters:
  ///   - features: the columns of the table.
  ///   - recipe: of every training; its seed is the first of `seeds` neighbouring ones.
  ///   - seeds: how many trainings each arm has; at least 1.
  public init(features: [FeatureSet] = FeatureSet.allCases, recipe: Recipe = Recipe(), seeds: Int = 3) {
    precondition(seeds >= 1, "\(seeds) seeds")
    arms = [GradientKind.published, .exact].flatMap { gradient in
      [ModelConfiguration.Attention.tensor, .dot].flatMap { attention in
        features.map { Arm(gradient: gradient, attention: attention, features: $0) }
      }
    }
    self.recipe = recipe
    self.seeds = (0..<UInt32(seeds)).map { recipe.seed &+ $0 }
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
    let state = Mutex(State(accuracies: [Double](repeating: 0, count: trainings)))
    let jobs = max(1, min(jobs, trainings))
    Threads.share(count: jobs, threads: jobs) { _, _ in
      while let index = state.withLock({ $0.take() }) {
        var recipe = recipe
        recipe.seed = seeds[index % seeds.count]
        let measured = Swift.Result { try accuracy(arms[index / seeds.count].configuration, recipe) }
        state.withLock {
          $0.finish(index, measured)
          progress($0.done)
        }
      }
    }
    return try state.withLock { state in
      if let failure = state.failure { throw failure }
      return arms.enumerated().map { index, arm in
        Result(arm: arm, accuracies: Array(state.accuracies[index * seeds.count..<(index + 1) * seeds.count]))
      }
    }
  }

  private struct State {
    var accuracies: [Double]
    var next = 0
    var done = 0
    var failure: (any Error)?

    mutating func take() -> Int? {
      guard failure == nil, next < accuracies.count else { return nil }
      next += 1
      return next - 1
    }

    mutating func finish(_ index: Int, _ measured: Swift.Result<Double, any Error>) {
      done += 1
      switch measured {
      case .success(let accuracy): accuracies[index] = accuracy
      case .failure(let error): failure = failure ?? error
      }
    }
  }
}
