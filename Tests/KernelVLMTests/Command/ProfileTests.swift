import Testing

@testable import KernelVLM
@testable import KernelVLMCore

@Suite struct ProfileTests {
  /// A step of one image has one cross entropy: of the steps that were taken, not of those that had been done before.
  @Test func aResumedTrainingsProfileIsOfItsOwnSteps() throws {
    try withTemporaryFolder { folder in
      let model = "\(folder)/model.safetensors"
      let begun = try CommandRun(
        "train", "--data", "drawn", "--steps", "60", "--schedule-steps", "100", "--save", model)
      try #require(begun.status == 0)
      let run = try CommandRun("train", "--resume", model, "--steps", "100", "--profile", "--json")
      let rows = try #require(try run.json()["profile"] as? [[String: Any]])
      let row = try #require(rows.first { $0["operation"] as? String == "cross entropy forward" })
      #expect(row["calls"] as? Double == 1)
    }
  }
}
