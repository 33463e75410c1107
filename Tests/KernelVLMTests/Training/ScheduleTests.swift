import Foundation
import ReferenceKernels
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

/// The learning rate of single steps, worked out by hand: at the first, the last, a quarter, half, and around the end of
/// the warm-up.
struct ScheduleTests {
  /// Rates in units of the recipe's, of 8 steps unless a line says otherwise.
  static let rates: [(schedule: Recipe.Schedule, warmUp: Int, steps: Int, step: Int, rate: Double)] = [
    (.linear, 0, 8, 0, 1), (.linear, 0, 8, 1, 0.875), (.linear, 0, 8, 4, 0.5), (.linear, 0, 8, 7, 0.125),
    (.linear, 0, 8, 8, 0), (.linear, 0, 7000, 6999, 1.0 / 7000), (.linear, 0, 1, 0, 1),
    (.cosine, 0, 8, 0, 1), (.cosine, 0, 8, 2, (1 + 0.5.squareRoot()) / 2), (.cosine, 0, 8, 4, 0.5),
    (.cosine, 0, 12, 4, 0.75), (.cosine, 0, 12, 8, 0.25), (.cosine, 0, 8, 6, (1 - 0.5.squareRoot()) / 2),
    // cos π/8 = √(2 + √2) / 2
    (.cosine, 0, 8, 7, (1 - (2 + 2.0.squareRoot()).squareRoot() / 2) / 2), (.cosine, 0, 8, 8, 0),
    // Rising by quarters to the schedule's own: 1/4 of 1, 2/4 of 7/8, …
    (.linear, 4, 8, 0, 0.25), (.linear, 4, 8, 1, 0.4375), (.linear, 4, 8, 2, 0.5625), (.linear, 4, 8, 3, 0.625),
    (.linear, 4, 8, 4, 0.5), (.linear, 4, 8, 5, 0.375), (.linear, 1, 8, 0, 1), (.linear, 8, 8, 7, 0.125),
    (.cosine, 3, 12, 0, 1.0 / 3), (.cosine, 6, 12, 4, 0.75 * 5 / 6), (.cosine, 6, 12, 5, 0.6294095225512604),
    (.cosine, 6, 12, 6, 0.5),
  ]

  @Test(arguments: rates.indices) func aStepHasItsRate(index: Int) {
    let expected = Self.rates[index]
    var recipe = Recipe()
    recipe.schedule = expected.schedule
    recipe.warmUp = expected.warmUp
    recipe.scheduleSteps = expected.steps
    recipe.learningRate = 0.5
    #expect(abs(recipe.learningRate(at: expected.step) - 0.5 * expected.rate) < 1e-15, "\(expected)")
  }

  @Test func aRateIsInProportionToTheRecipes() {
    #expect(Recipe().learningRate(at: 0) == 0.003 && Recipe().learningRate(at: 3500) == 0.0015)
  }

  /// With a gradient that stays the same, both bias corrections make m̂ = g and v̂ = g² at every step, and a parameter
  /// moves by just the step's rate, against the gradient: first by that of step 0.
  @Test(arguments: Recipe.Schedule.allCases, [0, 3]) func aConstantGradientMovesByTheRate(
    schedule: Recipe.Schedule, warmUp: Int
  ) throws {
    let table = try ParameterTable(ModelConfiguration(), vocabularySize: 17)
    var recipe = Recipe()
    (recipe.schedule, recipe.warmUp, recipe.steps, recipe.scheduleSteps) = (schedule, warmUp, 8, 8)
    let optimizer = Optimizer(kernels: Reference<Double>(), recipe: recipe, table: table)
    let p = Buffer<Double>(count: table.count)
    let gradient = Gradient<Double>(table, ModelConfiguration())
    // Small enough for no clip, large beside ε.
    for index in 0..<table.count { gradient.buffer.all[0, index] = index % 2 == 0 ? 1e-3 : -2e-3 }
    for step in 0..<8 {
      let before = p.values
      try optimizer.step(p, gradient: gradient, step: step)
      for index in [0, 1, 20_000, 32_239] {
        let moved = (before[index] - p.values[index]) * (index % 2 == 0 ? 1 : -1)
        #expect(abs(moved - recipe.learningRate(at: step)) < 1e-4 * recipe.learningRate, "step \(step), \(index)")
      }
    }
  }

  /// Decay takes rate · decay · p from a parameter whose gradient is 0.
  @Test func decayTakesItsShareOfAParameter() throws {
    let table = try ParameterTable(ModelConfiguration(), vocabularySize: 17)
    var recipe = Recipe()
    (recipe.weightDecay, recipe.learningRate) = (0.25, 0.5)
    let optimizer = Optimizer(kernels: Reference<Double>(), recipe: recipe, table: table)
    let p = Buffer<Double>(count: table.count)
    p.all.fill(2)
    try optimizer.step(p, gradient: Gradient(table, ModelConfiguration()), step: 0)
    #expect(p.values.allSatisfy { $0 == 1.75 })
  }
}
