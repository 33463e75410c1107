import ReferenceKernels
import Synchronization
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

@Suite struct AblationTests {
  private struct Refused: Error, Equatable {}

  @Test func everyArmIsAnotherModelThatCanBeBuilt() throws {
    let ablation = Ablation()
    #expect(ablation.arms.count == 16 && Set(ablation.arms).count == 16)
    for arm in ablation.arms {
      try arm.configuration.validate()
      #expect(arm.configuration.gradient == arm.gradient && arm.configuration.attention == arm.attention)
    }
    let features = Dictionary(
      ablation.arms.map { ($0.features, $0.configuration.features) }, uniquingKeysWith: { first, _ in first })
    #expect(features == [.all: 28, .direct: 16, .tensor: 12, .degree2: 8])
  }

  @Test func onlyWhatHasDirectFeaturesOfDegree2IsReconstructed() {
    for arm in Ablation().arms {
      #expect(arm.configuration.reconstructionWeight == (arm.features == .tensor ? 0 : 0.01))
    }
  }

  @Test(arguments: [1, 3, 100])
  func everyArmIsTrainedFromEverySeedOnce(_ jobs: Int) throws {
    let ablation = Ablation(features: [.all, .tensor], seed: .max, seeds: 2)
    let progress = Mutex([Int]())
    let results = try ablation.run(jobs: jobs) { configuration, recipe in
      Double(configuration.features) + (recipe.seed == .max ? 0.25 : recipe.seed == 0 ? 0.5 : .nan)
    } progress: { done in
      progress.withLock { $0.append(done) }
    }
    #expect(results.map(\.arm) == ablation.arms)
    for result in results {
      let features = Double(result.arm.configuration.features)
      #expect(result.accuracies == [features + 0.25, features + 0.5])
      #expect(result.seconds.count == 2 && result.seconds.allSatisfy { $0 >= 0 })
    }
    #expect(progress.withLock { $0 } == Array(1...16))
  }

  @Test func trainingsDifferByWhatTheyAreNamedFor() throws {
    let ablation = Ablation(features: [.all], trainings: Ablation.Training.allCases, seeds: 1)
    #expect(ablation.arms.count == 14 && Set(ablation.arms).count == 14)
    #expect(ablation.arms.allSatisfy { $0.gradient == .exact })
    for arm in ablation.arms {
      try arm.configuration.validate()
      try ablation.recipe(arm, seed: 42).validate()
    }
    typealias Training = Ablation.Training
    var batches = Training.augmented.recipe()
    batches.augmentation = AugmentationStrength()
    #expect(Training.batches.recipe() == batches && Training.batches.configuration == Training.augmented.configuration)
    var pooled = Training.local.configuration
    (pooled.stages, pooled.imageSize) = ([], 14)
    #expect(Training.pooled.configuration == pooled && Training.pooled.recipe() == Training.local.recipe())
    #expect(Ablation(trainings: [.lean], steps: 100).recipe(ablation.arms[0], seed: 7).steps == 100)
  }

  @Test func aTrainingThatFailsEndsTheRun() {
    let ablation = Ablation(seeds: 1)
    let started = Mutex(0)
    #expect(throws: Refused()) {
      try ablation.run(
        jobs: 1,
        accuracy: { _, _ in
          started.withLock { $0 += 1 }
          throw Refused()
        })
    }
    #expect(started.withLock { $0 } == 1)
  }

  @Test func theSpreadIsThatOfASample() throws {
    let arm = Ablation.Arm(gradient: .exact, attention: .dot, features: .all)
    let result = Ablation.Result(arm: arm, accuracies: [2, 4, 4, 4, 5, 5, 7, 9], seconds: [])
    #expect(result.mean == 5)
    // Σ (a − 5)² = 9 + 1 + 1 + 1 + 0 + 0 + 4 + 16 = 32
    #expect(abs(try #require(result.standardDeviation) - (32.0 / 7).squareRoot()) < 1e-15)
    #expect(Ablation.Result(arm: arm, accuracies: [5], seconds: []).standardDeviation == nil)
  }
}
