import Glibc
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

@Suite struct SaveEveryTests {
  /// A training of slow steps, killed soon after step 100, has saved after 90.
  @Test func aTrainingIsSavedAfterEachInterval() throws {
    try withTemporaryFolder { folder in
      let model = "\(folder)/model.safetensors"
      let run = try CommandRun(
        [
          "train", "--data", "drawn", "--backend", "reference", "--precision", "double", "--batch", "32", "--threads",
          "1", "--save", model, "--save-every", "90",
        ], signal: (SIGKILL, "step   100/"))
      #expect(run.status == -SIGKILL)
      let steps = try #require(try Checkpoint(path: model).provenance["steps"].flatMap(Int.init))
      #expect(steps > 0 && steps % 90 == 0)
    }
  }
}
