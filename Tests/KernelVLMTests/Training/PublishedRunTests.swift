import Foundation
import ReferenceKernels
import Testing

@testable import KernelVLM

@Suite(.serialized) struct PublishedRunTests {
  @Test func published() throws {
    let data = try DataSource.folder(ProcessInfo.processInfo.environment["KERNELVLM_DATA"]!).load()
    for batch in [1, 128] {
    for preset in Preset.allCases {
      for isa in InstructionSet.available {
      var r = preset.recipe
      r.batch = batch; r.steps = batch == 1 ? 7000 : 500
      let trainer = try KernelChoice(.c, instructionSet: isa).train(preset.configuration, recipe: r, images: data.train, threads: 2)
      let clock = ContinuousClock()
      let t = clock.now
      for s in 1...r.steps {
        let r = try trainer.step(reportsReconstruction: s % 100 == 0)
        if batch == 1 && s % 100 == 0 && (s <= 300 || s % 7000 == 0) { print(String(format: "%d,%.4f,%.4f,%.4f,%@", s, r.loss, r.text, r.reconstruction, r.target)) }
      }
      print(preset, isa, batch, t.duration(to: clock.now))
      let t2 = clock.now
      print(try trainer.model.evaluate(data.test, threads: 2).accuracy, t2.duration(to: clock.now))
    } }
    }
  }
}
