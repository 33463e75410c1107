import CVLMKernels
import ReferenceKernels

/// How a model is trained: everything between its configuration and its data.
public struct Recipe: Equatable, Sendable {
  /// How the learning rate falls over `scheduleSteps`.
  public enum Schedule: String, CaseIterable, Sendable {
    /// rate (1 − s / scheduleSteps)
    case linear
    /// rate (1 + cos(π s / scheduleSteps)) / 2
    case cosine
  }

  /// In which order the images come.
  public enum Order: String, CaseIterable, Sendable {
    /// As in the file, again and again.
    case sequential
    /// Every pass over the file in an order of its own, drawn from the seed and the number of the pass.
    case shuffled
  }

  /// Steps to run; fewer than `scheduleSteps` cut the run short without changing the schedule.
  public var steps = 7000
  /// Steps over which the learning rate falls to 0.
  public var scheduleSteps = 7000
  /// Images of a step; the gradient is their mean.
  public var batch = 1
  /// At the start of the schedule.
  public var learningRate = 0.003
  /// How the learning rate falls.
  public var schedule = Schedule.linear
  /// Steps at the beginning over which the learning rate rises linearly to the schedule's; 0 for none.
  public var warmUp = 0
  /// Adam's decay of the mean gradient.
  public var beta1 = 0.85
  /// Adam's decay of the mean squared gradient.
  public var beta2 = 0.99
  /// Added to √v̂.
  public var epsilon = 1e-8
  /// Decoupled: each step takes learningRate · weightDecay · p from p.
  public var weightDecay = 0.0
  /// Largest norm of the gradient of each feature tensor (bae, tensor, direct), clipped one by one.
  public var featureClip = 1.0
  /// Largest norm of the whole gradient, clipped after the feature tensors.
  public var clip = 5.0
  /// In which order the images come.
  public var order = Order.sequential
  /// Of the initial parameters, of the shuffled order, and of the augmentation.
  public var seed: UInt32 = 42
  /// How far each image is turned, moved and bent before it is learnt from, anew at each draw; all 0 for not at all.
  public var augmentation = AugmentationStrength()
  /// Names whose images are not trained on.
  public var unseen: [String] = []
  /// So many images at the end of the training images are not trained on, to be judged by on the way.
  public var heldOut = 0

  /// The published recipe: 7000 steps of one image.
  public init() {}

  /// So many steps, over which the learning rate falls to 0.
  public init(steps: Int) {
    self.steps = steps
    scheduleSteps = steps
  }

  /// The learning rate of step `s`, counted from 0; 0 from the schedule's end on.
  public func learningRate(at s: Int) -> Double {
    let progress = min(1, Double(s) / Double(scheduleSteps))
    let falling = schedule == .linear ? 1 - progress : (1 + vlm_cos(.pi * progress)) / 2
    let rising = s < warmUp ? Double(s + 1) / Double(warmUp) : 1
    return learningRate * falling * rising
  }

  /// Refuses what cannot be run, with the value and the rule it breaks.
  public func validate() throws(ConfigurationError) {
    for setting in Self.settings { try setting.validate(self) }
    for part in augmentation.parts where !(0...part.most).contains(part.value) {
      throw ConfigurationError("\(part.name) of the augmentation", value: part.value, rule: "0 to \(part.most)")
    }
  }
}
