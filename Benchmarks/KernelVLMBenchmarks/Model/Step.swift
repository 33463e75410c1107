import Benchmark
import KernelVLM

/// Whole training steps of the default preset on drawn digits, on one thread: batch, forward, backward, clips and Adam.
func stepBenchmarks() {
  for batch in [1, 32, 128] {
    for instructionSet in InstructionSet.available {
      register(StepCase(batch: batch, backend: .c, instructionSet: instructionSet))
    }
    register(StepCase(batch: batch, backend: .reference))
  }
}

struct StepCase {
  let batch: Int
  let backend: KernelChoice.Backend
  var instructionSet = InstructionSet.baseline

  var name: String { "Step_batch_\(batch)_\(backend == .c ? instructionSet.rawValue : "reference")" }

  /// A training that stands before its first step.
  func session(precision: KernelChoice.Precision, backend: KernelChoice.Backend) throws -> any TrainingSession {
    var recipe = Preset.exact.recipe
    recipe.batch = batch
    return try KernelChoice(backend, precision: precision, instructionSet: instructionSet)
      .train(Preset.exact.configuration, recipe: recipe, images: drawnDigits, threads: 1)
  }

  /// The loss must be that of Double before the first step and, so that the first gradient is seen, before the second.
  func verify() throws {
    let bound = try relativeBound()
    let expected = try session(precision: .double, backend: .reference)
    let tried = try session(precision: .float, backend: backend)
    for step in 1...2 {
      let wanted = try expected.step(reportsReconstruction: true).loss
      let loss = try tried.step(reportsReconstruction: true).loss
      if !((loss - wanted).magnitude <= bound * wanted) {
        stop(name, ["the loss before step \(step) is \(loss), expected \(wanted) ± \(bound * wanted)"])
      }
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

private let drawnDigits = DrawnDigits().images(.train, 0..<1280)

private func register(_ step: StepCase) {
  var session: (any TrainingSession)?
  Benchmark(
    step.name, configuration: configuration([.imageRate], timeUnits: .microseconds),
    closure: { benchmark in
      let elapsed = ContinuousClock().measure {
        for _ in benchmark.scaledIterations {
          blackHole(orStop(step.name) { try session?.step(reportsReconstruction: false) })
        }
      }
      let images = step.batch * benchmark.scaledIterations.count
      benchmark.measurement(.imageRate, Int((Double(images) / (elapsed / .seconds(1))).rounded()))
    },
    setup: {
      session = orStop(step.name) {
        try step.verify()
        return try step.session(precision: .float, backend: step.backend)
      }
    })
}

extension BenchmarkMetric {
  fileprivate static let imageRate = custom("images/s", polarity: .prefersLarger, useScalingFactor: false)
}
