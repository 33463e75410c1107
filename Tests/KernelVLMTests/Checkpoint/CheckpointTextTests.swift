import Testing

@testable import KernelVLM
@testable import KernelVLMCore

/// Text in checkpoints and in the errors about them.
struct CheckpointTextTests {
  @Test func everyControlCharacterOfMetadataSurvivesARoundTrip() throws {
    let text = String(String.UnicodeScalarView((0..<0x20).map { Unicode.Scalar($0) }))
    let file = Safetensors(metadata: ["notes": text], tensors: [])
    let bytes = file.encoded()
    #expect(bytes.dropFirst(8).allSatisfy { $0 >= 0x20 })
    #expect(try Safetensors(decoding: bytes, path: "file") == file)
  }

  @Test func aNameInAnErrorIsCutAfter80Characters() {
    let name = String(repeating: "é", count: 81)
    #expect(quoted(String(name.dropLast())) == "\"\(name.dropLast())\"")
    #expect(quoted(name) == "\"\(name.dropLast())\"…")
  }

  @Test func aListInAnErrorIsCutAfterEightNumbers() {
    #expect(brief(Array(1...8)) == "[1, 2, 3, 4, 5, 6, 7, 8]")
    #expect(brief(Array(1...10)) == "[1, 2, 3, 4, 5, 6, 7, 8] and 2 more")
  }

  @Test func ofTwoTensorsWithOneNameTheFirstIsTaken() throws {
    let tensors = [1, 2].map { Safetensors.Tensor("twin", shape: [1], values: [Float($0)]) }
    let found = try Safetensors(tensors: tensors).tensors(matching: [("twin", [1])], path: "file")
    #expect(found == [tensors[0]])
  }

  @Test func provenanceCannotChangeASetting() throws {
    let model = try VisionLanguageModel(ModelConfiguration(), kernels: CKernels())
    try withTemporaryFolder { folder in
      try Checkpoint(model, provenance: ["width": "8", "seed": "1"]).save("\(folder)/model")
      let checkpoint = try Checkpoint(path: "\(folder)/model")
      #expect(checkpoint.configuration == model.configuration)
      #expect(checkpoint.provenance == ["seed": "1"])
    }
  }
}
