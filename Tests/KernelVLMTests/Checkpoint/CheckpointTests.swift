import Foundation
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

struct CheckpointTests {
  /// A path that no other test uses.
  static func temporaryPath() -> String {
    FileManager.default.temporaryDirectory.appendingPathComponent("kernelvlm-\(UUID()).safetensors").path
  }

  static func trained(
    _ kernels: KernelChoice, _ change: (inout ModelConfiguration) -> Void = { _ in }
  ) throws -> any SpellingModel {
    var configuration = ModelConfiguration()
    change(&configuration)
    let session = try kernels.train(
      configuration, recipe: Recipe(), images: DrawnDigits().images(.train, 0..<50), threads: 1)
    for _ in 0..<20 { _ = try session.step(reportsReconstruction: false) }
    return session.model
  }

  @Test func aSavedModelComesBackToTheBit() throws {
    for kernels in [try KernelChoice(), try KernelChoice(.reference, precision: .double)] {
      let model = try Self.trained(kernels) {
        $0.layers = 2
        $0.attention = .dot
        $0.direct = [.init(degree: 2, count: 3), .init(degree: 11, count: 2)]
        $0.reconstructionWeight = 0.025
        $0.gradient = .published
      }
      let path = Self.temporaryPath()
      defer { try? FileManager.default.removeItem(atPath: path) }
      try Checkpoint(model, provenance: ["dataset": "drawn"]).save(path)
      let checkpoint = try Checkpoint(path: path)
      #expect(checkpoint.configuration == model.configuration)
      #expect(checkpoint.provenance == ["dataset": "drawn"])
      #expect(try kernels.model(checkpoint).weightsSHA256 == model.weightsSHA256)
    }
  }

  @Test func aDoubleModelIsRoundedForTheCKernels() throws {
    let model = try Self.trained(try KernelChoice(.reference, precision: .double))
    let checkpoint = Checkpoint(model, provenance: [:])
    let rounded = try KernelChoice().model(checkpoint).tensors()
    for (float, double) in zip(rounded, model.tensors()) {
      #expect(float.values(as: Float.self) == double.values(as: Double.self).map(Float.init))
    }
  }

  @Test(arguments: BadFile.models)
  func whatIsNoModelIsRefusedByName(file: BadFile) throws {
    let path = Self.temporaryPath()
    defer { try? FileManager.default.removeItem(atPath: path) }
    try write(file.bytes, to: path)
    let error = try #require(throws: FileError.self) { try Checkpoint(path: path) }
    #expect(error.kind == .malformed && error.path == path)
    #expect(error.problem.contains(file.problem), "\(error)")
  }

  @Test func aModelThatIsNotFiniteIsNotSaved() throws {
    let model = try VisionLanguageModel(ModelConfiguration(), kernels: CKernels())
    model.buffer.all[0, 12_345] = .nan
    let path = Self.temporaryPath()
    #expect(throws: FileError.self) { try Checkpoint(model, provenance: [:]).save(path) }
    #expect(!FileManager.default.fileExists(atPath: path))
  }
}
