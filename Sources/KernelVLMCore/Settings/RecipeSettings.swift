import ReferenceKernels

extension Recipe {
  /// Every stored property, in their order.
  public static let settings: [Setting<Recipe>] = [
    // In a file `steps` are those done.
    Setting(
      "steps", key: "total_steps",
      help: "Steps to run; fewer than --schedule-steps cut the run short and leave its schedule as it is.",
      .integer(1...Int64(Int.max), get: { Int64($0.steps) }, set: { $0.steps = Int(clamping: $1) })),
    Setting(
      "schedule steps", help: "Steps over which the learning rate falls.", valueName: "steps",
      .integer(1...Int64(Int.max), get: { Int64($0.scheduleSteps) }, set: { $0.scheduleSteps = Int(clamping: $1) }),
      brokenRule: { $0.scheduleSteps >= $0.steps ? nil : "at least the \($0.steps) steps of the run" }),
    Setting(
      "batch", help: "Images of a step; the gradient is their mean.",
      .integer(1...65536, get: { Int64($0.batch) }, set: { $0.batch = Int(clamping: $1) })),
    Setting(
      "learning rate", help: "Learning rate at the start of the schedule.",
      .number(.positive, get: { $0.learningRate }, set: { $0.learningRate = $1 })),
    Setting(
      "schedule", help: "How the learning rate falls to 0.",
      .choice(
        ["linear", "cosine"], get: { $0.schedule.rawValue },
        set: { recipe, text in
          guard let schedule = Schedule(rawValue: text) else { return false }
          recipe.schedule = schedule
          return true
        })),
    Setting(
      "warm-up", help: "Steps at the beginning over which it rises.", valueName: "steps",
      .integer(0...Int64(Int.max), get: { Int64($0.warmUp) }, set: { $0.warmUp = Int(clamping: $1) }),
      brokenRule: {
        $0.warmUp >= 0 && $0.warmUp <= $0.scheduleSteps ? nil : "0 to the \($0.scheduleSteps) steps of the schedule"
      }),
    Setting(
      "beta1", help: "Adam's decay of the mean gradient.",
      .number(.share, get: { $0.beta1 }, set: { $0.beta1 = $1 })),
    Setting(
      "beta2", help: "Adam's decay of the mean squared gradient.",
      .number(.share, get: { $0.beta2 }, set: { $0.beta2 = $1 })),
    Setting(
      "epsilon", option: nil, help: "Added to the root of the mean squared gradient.",
      .number(.positive, get: { $0.epsilon }, set: { $0.epsilon = $1 })),
    Setting(
      "weight decay", help: "Decoupled weight decay.",
      .number(.notNegative, get: { $0.weightDecay }, set: { $0.weightDecay = $1 })),
    Setting(
      "feature clip", help: "Largest norm of the gradient of each vision feature tensor.", valueName: "norm",
      .number(.positive, get: { $0.featureClip }, set: { $0.featureClip = $1 })),
    Setting(
      "clip", help: "Largest norm of the whole gradient, after --feature-clip.", valueName: "norm",
      .number(.positive, get: { $0.clip }, set: { $0.clip = $1 })),
    Setting(
      "order", help: "The order of the images: the file's, or another permutation for each pass.",
      .choice(
        ["sequential", "shuffled"], get: { $0.order.rawValue },
        set: { recipe, text in
          guard let order = Order(rawValue: text) else { return false }
          recipe.order = order
          return true
        })),
    Setting(
      "seed", help: "Seed of the initial parameters, the shuffled order and the augmentation.",
      .integer(0...Int64(UInt32.max), get: { Int64($0.seed) }, set: { $0.seed = UInt32(clamping: $1) })),
    // Files of version 0.2 have none of what follows.
    Setting(
      "augmentation",
      help: "How far each image is moved and bent: degrees, pixels, share, share, pixels; or 'none'.",
      valueName: "turn,shift,zoom,shear,elastic",
      .numbers(
        form: "five numbers: turn, shift, zoom, shear, elastic", count: 5,
        get: { recipe in recipe.augmentation.parts.map { $0.value } },
        set: { $0.augmentation = AugmentationStrength(numbers: $1) }), isOptional: true),
    Setting(
      "unseen", help: "Names whose images are not trained on, to see whether it spells them, or 'none'.",
      valueName: "name,...",
      .list(
        form: "a name", get: { $0.unseen },
        set: {
          $0.unseen = $1 == [""] ? [] : $1
          return true
        }), isOptional: true),
    Setting(
      "held out", help: "Images at the end of the training images that are not trained on, for --evaluate-every.",
      valueName: "images",
      .integer(0...Int64(Int.max), get: { Int64($0.heldOut) }, set: { $0.heldOut = Int(clamping: $1) }),
      isOptional: true),
  ]
}

extension AugmentationStrength {
  /// Each of its numbers, and the most that makes sense.
  var parts: [(name: String, value: Double, most: Double)] {
    [
      ("turn", rotation, 180), ("shift", shift, 1024), ("zoom", zoom, 1), ("shear", shear, 1),
      ("elastic", elastic, 1024),
    ]
  }

  /// As many as there are `parts`, in their order.
  init(numbers: [Double]) {
    self.init(
      rotation: numbers[0], shift: numbers[1], zoom: numbers[2], shear: numbers[3], elastic: numbers[4])
  }
}
