import Foundation
import ReferenceKernels
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

/// NaN and infinity in every tensor, and steps that overflow: each is caught at that step, and nothing has changed.
struct NotFiniteTests {
  static let images = DrawnDigits().images(.train, 0..<40)

  /// Runs `body` for the C kernels of every instruction set, and for the reference in both precisions.
  private func forEveryBackend(_ body: (any Kernels) throws -> Void) throws {
    for instructionSet in InstructionSet.available { try body(try #require(CKernels(instructionSet))) }
    try body(Reference<Float>())
    try body(Reference<Double>())
  }

  private func trainer<K: Kernels>(_ kernels: K, _ change: (inout Recipe) -> Void = { _ in }) throws -> Trainer<K> {
    var recipe = Recipe()
    recipe.batch = 4
    change(&recipe)
    let model = try VisionLanguageModel(ModelConfiguration(), kernels: kernels)
    model.drawParameters(seed: 42)
    return try Trainer(model, recipe: recipe, images: Self.images, threads: 1)
  }

  private func bits<K: Kernels>(_ trainer: Trainer<K>) -> [String] {
    [trainer.model.buffer, trainer.optimizer.adam.m, trainer.optimizer.adam.v].map { buffer in
      buffer.values.withUnsafeBytes { sha256Hex(of: $0) }
    }
  }

  @Test func aSpoiltParameterIsNamedAndTheStepTakenBack() throws {
    try forEveryBackend { kernels in try expectSpoiltParametersAreNamed(kernels) }
  }

  private func expectSpoiltParametersAreNamed<K: Kernels>(_ kernels: K) throws {
    let unspoilt = try trainer(kernels)
    let trainer = try trainer(kernels)
    for session in [unspoilt, trainer] { _ = try session.step(reportsReconstruction: false) }
    for entry in trainer.model.table.entries {
      let tensor = trainer.model.matrix(entry)
      let good = (0..<entry.range.count).map { tensor[$0 / entry.columns, $0 % entry.columns] }
      for value in [K.Scalar.nan, .infinity, -.infinity] {
        for index in good.indices { tensor[index / entry.columns, index % entry.columns] = value }
        let before = bits(trainer)
        #expect(throws: TrainingError.parameterNotFinite(tensor: entry.name, step: 1), "\(kernels), \(value)") {
          try trainer.step(reportsReconstruction: false)
        }
        #expect(bits(trainer) == before && trainer.stepsDone == 1)
        for index in good.indices { tensor[index / entry.columns, index % entry.columns] = good[index] }
      }
    }
    // Nothing has stayed behind: it goes on as if nothing had happened.
    for session in [unspoilt, trainer] { _ = try session.step(reportsReconstruction: false) }
    #expect(bits(trainer) == bits(unspoilt))
  }

  /// Finite parameters so large that what they compute is not: the gradient is named, or the loss.
  @Test func anActivationThatOverflowsIsCaught() throws {
    try forEveryBackend { kernels in try expectOverflowIsCaught(kernels) }
  }

  private func expectOverflowIsCaught<K: Kernels>(_ kernels: K) throws {
    for name in [
      "bae.1.left", "tensor.b", "direct.2.0", "direct.3.2", "vision.left", "layers.0.attention.wv", "lm_head",
    ] {
      let trainer = try trainer(kernels)
      let entry = try #require(trainer.model.table.entries.first { $0.name == name })
      for column in 0..<entry.columns {
        trainer.model.matrix(entry)[0, column] = K.Scalar.greatestFiniteMagnitude / 2
      }
      let before = bits(trainer)
      let error = #expect(throws: TrainingError.self, "\(kernels), \(name)") {
        try trainer.step(reportsReconstruction: false)
      }
      guard case .notFinite(let tensor, 0) = error else {
        Issue.record("\(kernels), \(name): \(String(describing: error))")
        continue
      }
      #expect(tensor == "loss" || trainer.model.table.entries.contains { $0.name == tensor })
      #expect(bits(trainer) == before)
    }
  }

  @Test func aSpoiltGradientIsNamed() throws {
    try forEveryBackend { kernels in try expectSpoiltGradientsAreNamed(kernels) }
  }

  private func expectSpoiltGradientsAreNamed<K: Kernels>(_ kernels: K) throws {
    let trainer = try trainer(kernels)
    _ = try trainer.step(reportsReconstruction: false)
    let before = bits(trainer)
    for entry in trainer.optimizer.table.entries {
      for value in [K.Scalar.nan, .infinity, -.infinity] {
        let gradient = Gradient<K.Scalar>(trainer.optimizer.table, trainer.model.configuration)
        gradient.buffer.all[0, entry.range.upperBound - 1] = value
        #expect(throws: TrainingError.notFinite(tensor: entry.name, step: 1)) {
          try trainer.optimizer.step(trainer.model.buffer, gradient: gradient, step: 1)
        }
      }
    }
    #expect(bits(trainer) == before)
  }

  /// The same of a gradient that is an outer product, by either vector. d names the row's tensor, x the last of its rows'.
  @Test func aSpoiltOuterProductIsNamed() throws {
    try forEveryBackend { kernels in try expectSpoiltOuterProductsAreNamed(kernels) }
  }

  private func expectSpoiltOuterProductsAreNamed<K: Kernels>(_ kernels: K) throws {
    let trainer = try trainer(kernels)
    let before = bits(trainer)
    let gradient = Gradient<K.Scalar>(
      trainer.optimizer.table, trainer.model.configuration, keepsOuterProducts: true)
    let (d, x) = (Buffer<K.Scalar>(count: 20), Buffer<K.Scalar>(count: 196))
    for value in [K.Scalar.nan, .infinity, -.infinity] {
      for (spoilt, name) in [(d, "bae.2.left"), (x, "bae.2.right")] {
        d.all.fill(1)
        x.all.fill(1)
        spoilt.all[0, 3] = value
        gradient.reset()
        gradient.keep(gradient.matrices.bae[1], d: d.all, x: x.all)
        #expect(throws: TrainingError.notFinite(tensor: name, step: 1)) {
          try trainer.optimizer.step(trainer.model.buffer, gradient: gradient, step: 1)
        }
      }
    }
    #expect(bits(trainer) == before)
  }

  /// Recipes whose very step would overflow: of a parameter, or of the second moment.
  @Test func aStepThatOverflowsIsTakenBack() throws {
    try forEveryBackend { kernels in try expectOverflowingStepsAreTakenBack(kernels) }
  }

  private func expectOverflowingStepsAreTakenBack<K: Kernels>(_ kernels: K) throws {
    let huge = Double(K.Scalar.greatestFiniteMagnitude)
    let recipes: [(inout Recipe) -> Void] = [
      {
        $0.learningRate = 1000
        $0.weightDecay = huge
      },
      // The first step may just fit, and then the next one's loss does not.
      { $0.learningRate = huge },
    ]
    for (index, change) in recipes.enumerated() {
      let trainer = try trainer(kernels, change)
      var before = bits(trainer)
      var failure: TrainingError?
      while failure == nil, trainer.stepsDone < 3 {
        before = bits(trainer)
        do { _ = try trainer.step(reportsReconstruction: false) } catch { failure = error }
      }
      if index == 0 {
        #expect(failure == .stepTooLarge(tensor: "bae.1.left", step: 0), "\(kernels)")
      } else {
        #expect(failure != nil, "\(kernels)")
      }
      #expect(bits(trainer) == before)
      let path = CheckpointTests.temporaryPath()
      defer { try? FileManager.default.removeItem(atPath: path) }
      try Checkpoint(trainer.model, provenance: [:]).save(path)
    }
    // The square of the gradient, in v.
    let trainer = try trainer(kernels) {
      $0.clip = huge
      $0.featureClip = huge
    }
    let gradient = Gradient<K.Scalar>(trainer.optimizer.table, trainer.model.configuration)
    gradient.buffer.all[0, 20_000] = K.Scalar(huge.squareRoot() * 100)
    let before = bits(trainer)
    let entry = try #require(trainer.optimizer.table.entries.first { $0.range.contains(20_000) })
    // In Double the norm overflows first.
    let expected: TrainingError =
      K.Scalar.self == Double.self
      ? .notFinite(tensor: entry.name, step: 0) : .stepTooLarge(tensor: entry.name, step: 0)
    #expect(throws: expected) {
      try trainer.optimizer.step(trainer.model.buffer, gradient: gradient, step: 0)
    }
    #expect(bits(trainer) == before)
  }

  /// The bound by which a step needs no look afterwards: at the largest rate it lets pass, the greatest parameters stay
  /// finite.
  @Test func aStepThatIsNotLookedAtCannotOverflow() throws {
    try forEveryBackend { kernels in try expectGreatestParametersStayFinite(kernels) }
  }

  private func expectGreatestParametersStayFinite<K: Kernels>(_ kernels: K) throws {
    let greatest = K.Scalar.greatestFiniteMagnitude
    var recipe = Recipe()
    // rate / (1 - beta1) clip / epsilon = ulp / 5
    recipe.learningRate = Double(greatest.ulp) / 5 * recipe.epsilon / recipe.clip * (1 - recipe.beta1)
    recipe.weightDecay = 1 / recipe.learningRate
    let model = try trainer(kernels).model
    let table = model.table
    for decay in [0, recipe.weightDecay] {
      recipe.weightDecay = decay
      let optimizer = Optimizer(kernels: kernels, recipe: recipe, table: table)
      let p = Buffer<K.Scalar>(count: table.count)
      let gradient = Gradient<K.Scalar>(table, model.configuration)
      for i in 0..<table.count {
        p.all[0, i] = i % 2 == 0 ? greatest : -greatest
        // Tiny and large, against each parameter's sign.
        gradient.buffer.all[0, i] = (i % 2 == 0 ? -1 : 1) * (i % 3 == 0 ? 1e3 : 1e-30)
      }
      for step in 0..<3 { try optimizer.step(p, gradient: gradient, step: step) }
      #expect(p.values.allSatisfy(\.isFinite) && optimizer.adam.v.values.allSatisfy(\.isFinite))
    }
  }

  /// Moments are not looked at before each step, which would cost a tenth of it; what a spoilt one does to its parameter
  /// is caught at the next step.
  @Test func aSpoiltMomentIsCaughtAtTheNextStep() throws {
    try forEveryBackend { kernels in try expectSpoiltMomentsAreCaught(kernels) }
  }

  private func expectSpoiltMomentsAreCaught<K: Kernels>(_ kernels: K) throws {
    for name in ["direct.3.1", "vision.right", "layers.0.attention.wk", "lm_head"] {
      let trainer = try trainer(kernels)
      let entry = try #require(trainer.optimizer.table.entries.first { $0.name == name })
      trainer.optimizer.adam.m.all[0, entry.range.lowerBound + 7] = .nan
      trainer.optimizer.adam.v.all[0, entry.range.lowerBound + 9] = .nan
      _ = try trainer.step(reportsReconstruction: false)
      #expect(throws: TrainingError.parameterNotFinite(tensor: name, step: 1), "\(kernels)") {
        try trainer.step(reportsReconstruction: false)
      }
    }
  }
}
