import Foundation
import ReferenceKernels
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

/// Whole trainings on MNIST against the published figures and the oracle's.
@Suite(.enabled(if: MNISTAvailability.isPresent, MNISTAvailability.reason))
struct PublishedRunTests {
  static let dataset = Result { try DataSource.folder(MNISTAvailability.folder ?? "").load() }

  /// The columns loss, text, recon and target of the published log.
  static func publishedLog() throws -> [String] {
    let url = try #require(Bundle.module.url(forResource: "Fixtures/published-log", withExtension: "csv"))
    return try String(contentsOf: url, encoding: .utf8).split(separator: "\n").dropFirst().map {
      $0.split(separator: ",").dropLast().joined(separator: ",")
    }
  }

  static func row(_ report: StepReport, digits: Int = 4) -> String {
    String(
      format: "%d,%.*f,%.*f,%.*f,%@", report.step, digits, report.loss, digits, report.text, digits,
      report.reconstruction, report.target)
  }

  @Test func thePublishedPresetInDoublePrintsThePublishedLog() throws {
    let kernels = try KernelChoice(.reference, precision: .double)
    let session = try kernels.train(
      Preset.published.configuration, recipe: Preset.published.recipe, images: Self.dataset.get().train, threads: 1)
    let published = try Self.publishedLog()
    for step in 1...1000 {
      let report = try session.step(reportsReconstruction: step % 100 == 0)
      if step % 100 == 0 { #expect(Self.row(report) == published[step / 100 - 1]) }
    }
  }

  @Test(arguments: InstructionSet.available)
  func thePublishedPresetInCPrintsItsFirstLinesToThreeDecimals(instructionSet: InstructionSet) throws {
    let session = try KernelChoice(instructionSet: instructionSet).train(
      Preset.published.configuration, recipe: Preset.published.recipe, images: Self.dataset.get().train, threads: 1)
    let published = try Self.publishedLog()
    for step in 1...200 {
      let report = try session.step(reportsReconstruction: step % 100 == 0)
      guard step % 100 == 0 else { continue }
      let columns = published[step / 100 - 1].split(separator: ",")
      for (found, column) in zip([report.loss, report.text, report.reconstruction], columns[1...]) {
        // The published figure is itself rounded to four decimals.
        let figure = try #require(Double(column))
        #expect(abs(found - figure) < 0.0005 + 0.00005, "step \(step)")
      }
      #expect(report.target == columns[4])
    }
  }

  @Test(arguments: [Preset.exact, .published])
  func parametersAfter100StepsAgree(preset: Preset) throws {
    var configuration = preset.configuration
    configuration.reconstructionWeight = 0
    let model = try VisionLanguageModel(configuration, kernels: Reference<Double>())
    model.drawParameters(seed: 42)
    let trainer = try Trainer(model, recipe: preset.recipe, images: Self.dataset.get().train, threads: 1)
    for _ in 0..<100 { _ = try trainer.step(reportsReconstruction: false) }
    let oracle = try Oracle("params-\(preset.rawValue)-step100")
    for entry in model.table.entries {
      #expect(relativeError(model.matrix(entry).elements, try oracle.values(entry.name)) <= 1e-9, "\(entry.name)")
    }
  }

  @Test(arguments: InstructionSet.available, [42, 43, 44] as [UInt32])
  func aWholeRunInCReachesItsAccuracy(instructionSet: InstructionSet, seed: UInt32) throws {
    let dataset = try Self.dataset.get()
    for (preset, least) in [(Preset.exact, 0.91), (.published, 0.83)] {
      var recipe = preset.recipe
      recipe.seed = seed
      let session = try KernelChoice(instructionSet: instructionSet).train(
        preset.configuration, recipe: recipe, images: dataset.train, threads: 1)
      for _ in 0..<recipe.steps { _ = try session.step(reportsReconstruction: false) }
      let evaluation = try session.model.evaluate(dataset.test, threads: 2)
      #expect(evaluation.count == 10_000)
      #expect(evaluation.accuracy >= least, "\(preset)")
    }
  }
}
