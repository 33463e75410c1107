import Foundation
import Testing

@testable import KernelVLM

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

  /// A change of the metadata or the tensors, and what the error must say.
  static let misfits: [(change: @Sendable (inout Safetensors) throws -> Void, problem: String)] = [
    ({ $0.metadata["width"] = nil }, "metadata width: expected an integer, found no such entry"),
    ({ $0.metadata["width"] = "3.5" }, "metadata width: expected an integer, found \"3.5\""),
    ({ $0.metadata["width"] = "31" }, "width is 31, must be a multiple of the 4 heads"),
    ({ $0.metadata["format"] = "KernelVLM 9" }, "metadata format: expected KernelVLM 1, found \"KernelVLM 9\""),
    ({ $0.metadata["direct"] = "2:8:1" }, "metadata direct: expected lines of degree:count"),
    ({ $0.metadata["attention"] = "linear" }, "metadata attention: expected tensor or dot"),
    ({ $0.metadata["names"] = "one\none" }, "name 1 is one, must be different from name 0"),
    (
      {
        $0.metadata["heads"] = "2"; $0.tensors.removeLast()
      }, "lm_head"
    ),
    ({ $0.tensors.removeFirst() }, "\"bae.1.left\" of shape [10, 196], found none"),
    ({ $0.metadata["maximum_text_length"] = "9" }, "expected shape [37, 32] for tensor \"wpe\", found [36, 32]"),
    ({ $0.tensors.append(.init("stranger", shape: [1], values: [1 as Float])) }, "found another: \"stranger\""),
    (
      { file in
        let wte = try #require(file.tensors.firstIndex { $0.name == "wte" })
        file.tensors[wte] = .init("wte", shape: [16, 34], values: [Float](repeating: 0, count: 544))
      }, "expected shape [17, 32] for tensor \"wte\", found [16, 34]"
    ),
  ]

  @Test(arguments: misfits.indices)
  func whatDoesNotFitIsRefusedByName(index: Int) throws {
    let path = Self.temporaryPath()
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Checkpoint(Self.trained(try KernelChoice()), provenance: [:]).save(path)
    var file = try Safetensors.load(path)
    try Self.misfits[index].change(&file)
    try file.save(path)
    let error = try #require(throws: FileError.self) { try Checkpoint(path: path) }
    #expect(error.kind == .malformed && error.path == path)
    #expect(error.problem.contains(Self.misfits[index].problem), "\(error)")
  }

  @Test func aModelThatIsNotFiniteIsNotSaved() throws {
    let model = try VisionLanguageModel(ModelConfiguration(), kernels: CKernels())
    model.buffer.all[0, 12_345] = .nan
    let path = Self.temporaryPath()
    #expect(throws: FileError.self) { try Checkpoint(model, provenance: [:]).save(path) }
    #expect(!FileManager.default.fileExists(atPath: path))
  }
}
