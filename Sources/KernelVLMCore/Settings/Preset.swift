import ReferenceKernels

/// A configuration and a recipe that belong together.
public enum Preset: String, CaseIterable, Sendable {
  /// The published schedule with the true gradient.
  case exact
  /// The published program, with its gradient.
  case published
  /// The default model, trained in batches of augmented images.
  case augmented
  /// Two local stages in front of it, in the place of pooling.
  case local
  /// Two local stages in front of direct features of degree 2 alone, and a transformer of half the width.
  case lean
  /// The same, smaller still.
  case tiny

  /// Its model.
  public var configuration: ModelConfiguration {
    typealias Stage = ModelConfiguration.LocalStage
    var c = ModelConfiguration()
    switch self {
    case .exact: return c
    case .published: c.gradient = .published
    case .augmented: c.reconstructionWeight = 0
    case .local:
      c.reconstructionWeight = 0
      c.imageSize = 28
      c.stages = [Stage(channels: 8, kernel: 5, stride: 3), Stage(channels: 16, kernel: 4, stride: 2)]
    case .lean:
      c.makeDirect(features: 16, width: 16, heads: 2)
      c.stages = [Stage(channels: 8, kernel: 5, stride: 2), Stage(channels: 16, kernel: 4, stride: 2)]
    case .tiny:
      c.makeDirect(features: 10, width: 8, heads: 1)
      c.stages = [Stage(channels: 8, kernel: 5, stride: 3), Stage(channels: 12, kernel: 4, stride: 2)]
    }
    return c
  }

  /// How it is trained.
  public var recipe: Recipe {
    switch self {
    case .exact, .published: Recipe()
    case .augmented: .batches(of: 128, steps: 9000, rate: 0.008, .gentle)
    case .local: .batches(of: 64, steps: 8700, rate: 0.006, .strong)
    case .lean: .batches(of: 64, steps: 8600, rate: 0.006, .strong)
    case .tiny:
      .batches(
        of: 64, steps: 30_000, rate: 0.008, decay: 0.05,
        AugmentationStrength(rotation: 6, shift: 1, zoom: 0.08, shear: 0.05, elastic: 1.5))
    }
  }

  /// Whether a training of fewer or more steps has its whole schedule in them, warm-up and fall; the schedule of the
  /// published program is cut short instead.
  public var stretches: Bool { self != .exact && self != .published }

  /// How it is trained in `steps`.
  public func recipe(steps: Int) -> Recipe {
    var r = recipe
    r.steps = steps
    if stretches {
      r.scheduleSteps = steps
      r.warmUp = min(r.warmUp, max(steps, 0))
    } else {
      r.scheduleSteps = max(r.scheduleSteps, steps)
    }
    return r
  }
}

extension ModelConfiguration {
  /// Direct features of degree 2 alone, of the whole image of MNIST's size, and a small transformer.
  fileprivate mutating func makeDirect(features: Int, width: Int, heads: Int) {
    reconstructionWeight = 0
    imageSize = 28
    (baseFeatures, tensorTokens) = (0, 0)
    direct = [DirectFeatures(degree: 2, count: features)]
    (self.width, self.heads, mlpRatio) = (width, heads, 2)
  }
}

extension Recipe {
  /// Shuffled batches with a cosine schedule and weight decay.
  fileprivate static func batches(
    of batch: Int, steps: Int, rate: Double, decay: Double = 0.1, _ augmentation: AugmentationStrength
  ) -> Recipe {
    var r = Recipe(steps: steps)
    (r.batch, r.learningRate, r.schedule, r.warmUp) = (batch, rate, .cosine, 200)
    (r.beta1, r.weightDecay, r.order, r.augmentation) = (0.9, decay, .shuffled, augmentation)
    return r
  }
}

extension AugmentationStrength {
  /// Up to 6 degrees, 1 pixel, 8 %, 0.05 and 2 pixels.
  public static let gentle = AugmentationStrength(rotation: 6, shift: 1, zoom: 0.08, shear: 0.05, elastic: 2)
  /// Up to 8 degrees, 1.5 pixels, 10 %, 0.05 and 2 pixels.
  public static let strong = AugmentationStrength(rotation: 8, shift: 1.5, zoom: 0.1, shear: 0.05, elastic: 2)
}
