import Foundation
import ReferenceKernels
import Testing

@testable import KernelVLM

@Suite struct PublishedRunTests {
  @Test func published() throws {
    let data = try DataSource.folder(ProcessInfo.processInfo.environment["KERNELVLM_DATA"]!).load()
    for preset in Preset.allCases {
      var c = preset.configuration
      if preset == .exact { c.reconstructionWeight = 0 }
      let model = try VisionLanguageModel(c, kernels: Reference<Double>())
      model.drawParameters(seed: 42)
      let trainer = try Trainer(model, recipe: preset.recipe, images: data.train, threads: 1)
      let clock = ContinuousClock()
      let t = clock.now
      for s in 1...7000 {
        let r = try trainer.step(reportsReconstruction: s % 100 == 0)
        if s % 100 == 0 && (s <= 1000 || s % 1000 == 0) { print(String(format: "%d,%.4f,%.4f,%.4f,%@", s, r.loss, r.text, r.reconstruction, r.target)) }
        if s == 100 {
          let oracle = try Oracle("params-\(preset)-step100")
          for e in model.table.entries { let x = relativeError(model.matrix(e).doubles, try oracle.values(e.name)); if x > 1e-11 { print(e.name, x) } }
        }
      }
      print(t.duration(to: clock.now))
      let t2 = clock.now
      print(try trainer.model.evaluate(data.test, threads: 2).accuracy, t2.duration(to: clock.now))
    }
  }
}
