import Foundation
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

@Suite struct InfoCommandTests {
  private func withModel(
    _ options: [String] = [], _ body: (_ model: String, _ trained: [String: Any]) throws -> Void
  ) throws {
    try ResumeCommandTests.withSmallData { folder in
      let model = "\(folder)/model"
      let arguments = ["train", "--data", folder, "--steps", "30", "--batch", "2", "--seed", "9", "--save", model]
      let run = try CommandRun(arguments + ["--json"] + options)
      try #require(run.status == 0, "\(run.errors)")
      try body(model, try run.json())
    }
  }

  @Test func everythingThatAFileHoldsIsSaid() throws {
    try withModel { model, trained in
      let info = try CommandRun("info", model, "--json").json()
      #expect(info["parameters"] as? Int == 32_240)
      #expect(info["weights_sha256"] as? String == trained["weights_sha256"] as? String)
      #expect(info["weights_verified"] as? Bool == true && info["resumable"] as? Bool == true)
      #expect(info["tokens"] as? [String] == "efghinorstuvwxz".map(String.init) + ["BOS", "EOS"])
      let tensors = try #require(info["tensors"] as? [[String: Any]])
      #expect(tensors.count == 3 * 22, "parameters and both moments")
      #expect(tensors[0]["name"] as? String == "bae.1.left" && tensors[0]["dtype"] as? String == "F32")
      #expect(tensors[0]["shape"] as? [Int] == [10, 196])
      let configuration = try #require(info["configuration"] as? [String: Any])
      #expect(configuration["width"] as? Int == 32 && configuration["attention"] as? String == "tensor")
      let training = try #require(info["training"] as? [String: Any])
      #expect(training["steps_done"] as? Int == 30 && training["dataset"] as? String == "custom")
      #expect((training["train_images_sha256"] as? String)?.count == 64)
      let recipe = try #require(training["recipe"] as? [String: Any])
      #expect(recipe["batch"] as? Int == 2 && recipe["seed"] as? Int == 9 && recipe["schedule_steps"] as? Int == 7000)
      let test = try #require(info["test"] as? [String: Any])
      #expect(test["correct"] as? Int == trained["test_correct"] as? Int && test["images"] as? Int == 50)
      #expect(test["accuracy"] as? Double == trained["test_accuracy"] as? Double)

      let text = try CommandRun("info", model)
      #expect(text.status == 0 && text.errors.isEmpty)
      for part in [
        "32,240 parameters", "zero, one, two", "e 0, f 1", "BOS 15, EOS 16", "tensor attention, exact gradient",
        "30 of 30 steps of 2 images, seed 9, sequential order", "learning rate 0.003", "of 50 test images",
        "yes: 30 of the 7,000 steps of its schedule are done", "bae.1.left ", "10 x 196", "adam.v.lm_head",
        try #require(trained["weights_sha256"] as? String) + " ✓",
      ] {
        #expect(text.output.contains(part), "\(part)")
      }
    }
  }

  @Test func whatAFileDoesNotSayIsNotMadeUp() throws {
    try withModel { model, _ in
      var file = try Safetensors.load(model)
      file.tensors.removeAll { $0.name.hasPrefix("adam.") }
      file.metadata["moments_sha256"] = nil
      try file.save("\(model)-alone")
      let alone = try CommandRun("info", "\(model)-alone", "--json").json()
      #expect(
        alone["resumable"] as? Bool == false && (alone["training"] as? [String: Any])?["steps_done"] as? Int == 30)
      #expect((alone["resumable_reason"] as? String)?.contains("moments are not in the file") == true)

      let trained = try Checkpoint(path: model)
      try Checkpoint(try KernelChoice().model(trained), provenance: [:]).save("\(model)-bare")
      let bare = try CommandRun("info", "\(model)-bare", "--json").json()
      #expect(bare["training"] == nil && bare["test"] == nil && bare["resumable"] as? Bool == false)
      #expect(bare["weights_verified"] as? Bool == false)
      let text = try CommandRun("info", "\(model)-bare").output
      #expect(text.contains("Training   not recorded\n") && text.contains(", not recorded\n"))
    }
  }

  @Test func aFinishedModelIsNotResumable() throws {
    try withModel(["--schedule-steps", "30"]) { model, _ in
      let info = try CommandRun("info", model, "--json").json()
      #expect(info["resumable"] as? Bool == false && info["resumable_reason"] as? String == "its schedule is done")
    }
  }

  /// What is changed in a good file, and what is said of it.
  static let faults: [(change: @Sendable (inout Safetensors) -> Void, problem: String)] = [
    ({ $0.metadata["weights_sha256"] = "0" }, "expected parameters of SHA-256 \"0\", found "),
    ({ $0.metadata["tokens"]?.removeLast() }, "metadata tokens: expected the letters of the names"),
    ({ $0.metadata["tokens"] = "0 f\n1 e" }, "metadata tokens: expected the letters of the names"),
    ({ $0.metadata["test_correct"] = "51" }, "metadata test_correct: expected 0 to 50, found \"51\""),
    ({ $0.metadata["test_images"] = nil }, "metadata test_images: expected 1 to "),
    ({ $0.metadata["batch"] = "0" }, "batch is 0, must be 1 to 65536"),
    ({ $0.metadata["total_steps"] = nil }, "metadata total_steps: expected an integer, found no such entry"),
    ({ $0.metadata["moments_sha256"] = "0" }, "expected moments of SHA-256 0, found "),
    ({ $0.tensors.removeLast() }, "expected tensor "),
  ]

  @Test func aRecordThatIsWrongIsRefused() throws {
    try withModel { model, _ in
      for (change, problem) in Self.faults {
        var file = try Safetensors.load(model)
        change(&file)
        try file.save("\(model)-bad")
        let run = try CommandRun("info", "\(model)-bad", "--json")
        #expect(run.status == 65 && run.output.isEmpty, "\(problem): \(run.status)")
        #expect(run.errors.hasPrefix("Error: \(model)-bad: \(problem)"), "\(run.errors)")
      }
      let other = try CommandRun("info", "\(model)-none")
      #expect(other.status == 66)
    }
  }

  @Test func aFileOfVersion01IsReadWithoutItsTokens() throws {
    try withModel { model, _ in
      var file = try Safetensors.load(model)
      #expect(file.metadata["tokens"]?.hasPrefix("0 e\n1 f\n") == true)
      #expect(file.metadata["tokens"]?.hasSuffix("\n15 BOS\n16 EOS") == true)
      file.metadata["tokens"] = nil
      try file.save("\(model)-old")
      #expect(try Checkpoint(path: "\(model)-old") == Checkpoint(path: model))
    }
  }

  /// Only a text that tells of the weights in the file may stand beside them.
  @Test func theAccuracyIsNotKeptWhereItWasNotMeasured() throws {
    try withModel { model, _ in
      let folder = URL(fileURLWithPath: model).deletingLastPathComponent().path
      let run = try CommandRun(
        ["train", "--data", folder, "--resume", model, "--steps", "7000", "--log-every", "1", "--json"],
        signal: (SIGINT, "step   100/"))
      try #require(run.status == 130 || run.status == 0)
      let test = try CommandRun("info", model, "--json").json()["test"]
      #expect((test != nil) == (run.status == 0))
    }
  }
}
