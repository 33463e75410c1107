import KernelVLM

/// A training step of the default preset on drawn digits: batch, forward, backward, clips and Adam.
struct StepCase {
  let batch: Int
  let threads: Int
  let kernels: ModelKernels

  var benchmark: ModelBenchmark {
    ModelBenchmark(
      caseName: "Step_batch_\(batch)", threads: threads, kernels: kernels.name, violations: violations,
      prepare: {
        let session = try session(kernels.choice(), threads: threads)
        return {
          _ = try session.step(reportsReconstruction: false)
          return batch
        }
      })
  }

  /// A training that stands before its first step.
  private func session(_ choice: KernelChoice, threads: Int) throws -> any TrainingSession {
    var recipe = Preset.exact.recipe
    recipe.batch = batch
    // As many as anyone may want to time.
    recipe.scheduleSteps = 1_000_000_000
    recipe.steps = recipe.scheduleSteps
    return try choice.train(Preset.exact.configuration, recipe: recipe, images: trainingDigits, threads: threads)
  }

  /// The loss must be that of Double before the first step and, so that the first gradient is seen, before the second.
  private func violations() throws -> [String] {
    let bound = try relativeBound()
    let expected = try session(ModelKernels.expected(), threads: 1)
    let tried = try session(kernels.choice(), threads: threads)
    return try (1...2).compactMap { step in
      let wanted = try expected.step(reportsReconstruction: true).loss
      let loss = try tried.step(reportsReconstruction: true).loss
      return (loss - wanted).magnitude <= bound * wanted
        ? nil : "the loss before step \(step) is \(loss), expected \(wanted) ± \(bound * wanted)"
    }
  }

  /// γ = n u, n the roundings on the longest way from a pixel to the loss: the lengths of the sums on it. Features and
  /// scores are products of up to four such sums, so a relative error may grow fourfold on the way.
  private func relativeBound() throws -> Double {
    let c = Preset.exact.configuration
    let vocabulary = try Vocabulary(names: c.names).size
    let sums = c.pixels + c.baseFeatures + c.features + 4 * c.width + c.positions + c.hiddenWidth + vocabulary
    return 4 * Double(sums) * Double(Float.ulpOfOne) / 2
  }
}

let trainingDigits = DrawnDigits().images(.train, 0..<1280)
