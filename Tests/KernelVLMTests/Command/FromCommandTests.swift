import Foundation
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

/// Trainings that begin with the weights of a model.
@Suite struct FromCommandTests {
  /// Runs `body` with small data, a training of three steps of all images, and what it said.
  private func withModel(
    _ options: [String] = [], _ body: (_ model: String, _ data: [String], _ trained: [String: Any]) throws -> Void
  ) throws {
    try ResumeCommandTests.withSmallData { folder in
      let (model, data) = ("\(folder)/model", ["--data", folder])
      let run = try CommandRun(["train", "--batch", "500", "--steps", "3", "--save", model, "--json"] + data + options)
      try #require(run.status == 0, "\(run.errors)")
      try body(model, data, try run.json())
    }
  }

  /// A step whose rate is below the smallest Float changes nothing.
  @Test func aTrainingThatLearnsNothingKeepsTheWeightsItBeginsWith() throws {
    try withModel { model, data, trained in
      let run = try CommandRun(
        ["train", "--from", model, "--steps", "1", "--learning-rate", "1e-300", "--seed", "7", "--json"] + data)
      #expect(run.status == 0 && run.errors.contains("Begins with the weights of \(model)\n"), "\(run.errors)")
      let result = try run.json()
      #expect(result["weights_sha256"] as? String == trained["weights_sha256"] as? String)
      #expect(result["test_accuracy"] as? Double == trained["test_accuracy"] as? Double)
      #expect(result["steps"] as? Int == 1 && result["resumed_at_step"] == nil)
    }
  }

  /// The first step has the loss that the next one of the old training has, and then Adam's moments are new.
  @Test func itsFirstStepHasTheModelsLossAndNewMoments() throws {
    try withModel { model, data, trained in
      let next = try CommandRun(["train", "--resume", model, "--steps", "4", "--save", "\(model)-2", "--json"] + data)
      let first = try CommandRun(["train", "--from", model, "--batch", "500", "--steps", "1", "--json"] + data)
      let loss = try #require(try next.json()["final_text_loss"] as? Double)
      #expect(try first.json()["final_text_loss"] as? Double == loss)
      #expect(loss != trained["final_text_loss"] as? Double)
      #expect(try first.json()["weights_sha256"] as? String != next.json()["weights_sha256"] as? String)
    }
  }

  @Test func aFinishedModelAndOneInDoubleCanBeBegunWith() throws {
    let double = ["--backend", "reference", "--precision", "double"]
    try withModel(["--schedule-steps", "3"] + double) { model, data, _ in
      let next = "\(model)-next"
      let run = try CommandRun(["train", "--from", model, "--steps", "2", "--save", next, "--json"] + data)
      #expect(run.status == 0, "\(run.errors)")
      #expect(try run.json()["precision"] as? String == "float")
      let start = try Checkpoint(path: model).weightsSHA256
      #expect(try Checkpoint(path: next).provenance["from_weights_sha256"] == start)
      let resumed = try CommandRun(["train", "--resume", next, "--steps", "3", "--json"] + data)
      #expect(resumed.status == 0)
      #expect(try Checkpoint(path: next).provenance["from_weights_sha256"] == start, "kept when it goes on")
    }
  }

  @Test func aFinishedTrainingSaysHowToTrainItOn() throws {
    try withModel(["--schedule-steps", "3"]) { model, data, _ in
      let advice = "kernelvlm train --from \(model) --save next.safetensors"
      let done = try CommandRun(["train", "--resume", model] + data)
      #expect(done.status == 0 && done.errors.contains("Its schedule is done; to train it on: \(advice)\n"))
      let more = try CommandRun(["train", "--resume", model, "--steps", "4"] + data)
      #expect(more.status == 64)
      #expect(more.errors.contains("--steps: steps is 4, must be 3, ") && more.errors.contains("'\(advice)'"))
    }
  }

  @Test func theModelsOwnFileMayBeReplacedAndIsSaidToBe() throws {
    try withModel { model, data, _ in
      let (folder, name) = (URL(fileURLWithPath: model).deletingLastPathComponent().path, "model")
      let run = try CommandRun(
        ["train", "--from", model, "--save", "\(folder)/./\(name)", "--steps", "1"] + data)
      #expect(run.status == 0 && run.errors.contains("Note: --save replaces the model that it begins with\n"))
      let other = try CommandRun(["train", "--from", model, "--save", "\(model)-2", "--steps", "1"] + data)
      #expect(other.status == 0 && !other.errors.contains("replaces"))
    }
  }

  @Test func whatContradictsTheModelIsRefused() throws {
    try withModel { model, data, _ in
      let cases: [(arguments: [String], status: Int32, problem: String)] = [
        (["--width", "64"], 64, "--width: width is 64, must be 32, as in \(model)"),
        (["--names", "a,b"], 64, "--names: names is a,b, must be zero,one,"),
        (["--preset", "published"], 64, "--gradient: gradient is published, must be exact, as in "),
        (["--resume", model], 64, "--from begins a new training and --resume goes on with one"),
        (["--log", model], 64, "--from and --log name the same file"),
        (["--from", "\(model)-none"], 66, "\(model)-none"),
      ]
      for (arguments, status, problem) in cases {
        let run = try CommandRun(["train", "--from", model] + data + arguments)
        #expect(run.status == status && run.errors.contains(problem), "\(arguments): \(run.errors)")
        #expect(run.output.isEmpty)
      }
      let same = try CommandRun(
        ["train", "--from", model, "--steps", "1", "--width", "32", "--preset", "exact", "--batch", "7"] + data)
      #expect(same.status == 0, "the recipe is free: \(same.errors)")
    }
  }
}
