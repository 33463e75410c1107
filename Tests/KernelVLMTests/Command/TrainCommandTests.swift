import Foundation
import KernelVLM
import Testing

@Suite struct TrainCommandTests {
  @Test func jsonIsOneObjectWithEveryPromisedKey() throws {
    let run = try CommandRun("train", "--data", "drawn", "--steps", "20", "--json")
    #expect(run.status == 0)
    let result = try run.json()
    #expect(
      Set(result.keys).isSuperset(of: [
        "dataset", "train_images", "test_images", "parameters", "steps", "batch", "gradient", "attention", "backend",
        "precision", "threads", "isa", "seed", "final_text_loss", "train_seconds", "test_accuracy", "test_correct",
        "weights_sha256",
      ]))
    #expect(result["dataset"] as? String == "drawn")
    #expect(result["train_images"] as? Int == 60_000)
    #expect(result["test_images"] as? Int == 10_000)
    #expect(result["parameters"] as? Int == 32_240)
    #expect(result["steps"] as? Int == 20)
    #expect(result["gradient"] as? String == "exact")
    #expect(result["seed"] as? Int == 42)
    #expect(result["threads"] as? Int == Threads.defaultCount)
    let correct = try #require(result["test_correct"] as? Int)
    #expect(result["test_accuracy"] as? Double == Double(correct) / 10_000)
    #expect((result["weights_sha256"] as? String)?.count == 64)
    #expect(run.errors.contains("step    20/20 | loss "))
  }

  @Test func aPresetChangesTheGradientAlone() throws {
    let result = try CommandRun("train", "--preset", "published", "--data", "drawn", "--steps", "1", "--json").json()
    #expect(result["gradient"] as? String == "published")
    #expect(result["attention"] as? String == "tensor")
    #expect(result["batch"] as? Int == 1)
  }

  /// The preset's weight of the reconstruction would be refused: there is none.
  @Test func featuresOfDegree2MayBeLeftOut() throws {
    for direct in ["3:8", "none"] {
      let run = try CommandRun("train", "--data", "drawn", "--steps", "1", "--direct", direct)
      #expect(run.status == 0, "\(direct): \(run.errors)")
    }
  }

  @Test func textGoesToStandardOutputAndNotesToStandardError() throws {
    let run = try CommandRun("train", "--data", "drawn", "--steps", "5")
    #expect(run.output.contains("Spelled right: ") && run.output.contains("images of drawn"))
    #expect(!run.output.contains("step  "))
    for note in ["Data: drawn", "32,240 parameters", "step     5/5 | loss ", "Next: kernelvlm train --save"] {
      #expect(run.errors.contains(note))
    }
    #expect(!run.errors.contains("\u{1b}"), "no terminal, no progress bar")
  }

  @Test func threadsDoNotChangeTheWeights() throws {
    let hashes = try ["1", "3"].map { threads in
      let arguments = ["train", "--data", "drawn", "--steps", "5", "--batch", "100", "--threads", threads, "--json"]
      let result = try CommandRun(arguments).json()
      #expect(result["threads"] as? Int == Int(threads))
      return try #require(result["weights_sha256"] as? String)
    }
    #expect(hashes[0] == hashes[1])
  }

  @Test func cuttingARunLeavesItsScheduleAsItIs() throws {
    try withTemporaryFolder { folder in
      let log = "\(folder)/log"
      #expect(try CommandRun("train", "--data", "drawn", "--steps", "200", "--log", log).status == 0)
      let lines = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n").map {
        try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
      }
      #expect(lines.map { $0["step"] as? Int } == [100, 200])
      for line in lines {
        #expect(Set(line.keys) == ["step", "loss", "text", "recon", "target", "learning_rate", "seconds"])
      }
      // Step 200, counted from 0, is 199.
      let rate = try #require(lines[1]["learning_rate"] as? Double)
      #expect(abs(rate - 0.003 * (1 - 199.0 / 7000)) < 1e-15)
    }
  }

  @Test func aProfileSharesOutTheWholeStep() throws {
    let arguments = ["train", "--data", "drawn", "--steps", "2000", "--profile"]
    let rows = try #require(try CommandRun(arguments + ["--json"]).json()["profile"] as? [[String: Any]])
    let shares = try rows.map { try #require($0["share"] as? Double) }
    // What comes before the first operation and after the last, such as a log line, is all that may be missing.
    #expect((0.9...1).contains(shares.reduce(0, +)))
    #expect(shares.dropLast(2).elementsEqual(shares.dropLast(2).sorted(by: >)))
    let operations = try rows.map { try #require($0["operation"] as? String) }
    #expect(operations.suffix(2) == ["graph, images and the log", "measuring"])
    let attention = try #require(operations.firstIndex(of: "vision attention backward"))
    #expect(rows[attention]["calls"] as? Double == 1)
    let table = try #require(try CommandRun(arguments).output.components(separatedBy: "µs/step").dropFirst().first)
    #expect(operations.allSatisfy { table.contains(" %  \($0)\n") })
  }

  @Test func theReferenceInDoubleAgreesWithC() throws {
    let arguments = ["train", "--data", "drawn", "--steps", "3", "--json"]
    let c = try CommandRun(arguments).json()
    let reference = try CommandRun(arguments + ["--backend", "reference", "--precision", "double"]).json()
    #expect(reference["isa"] as? String == "swift")
    let losses = try [c, reference].map { try #require($0["final_text_loss"] as? Double) }
    #expect(abs(losses[0] - losses[1]) < 1e-4)
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
  func aSignalSavesWhatWasLearnt(_ signal: Int32) throws {
    try withTemporaryFolder { folder in
      let model = "\(folder)/model"
      let run = try CommandRun(
        ["train", "--data", "drawn", "--steps", "100000000", "--save", model, "--json"],
        signal: (signal, "step   100/"))
      #expect(run.status == 128 + signal)
      #expect(run.output.isEmpty)
      #expect(run.errors.contains("Stopped after "))
      let steps = try #require(Checkpoint(path: model).provenance["steps"].flatMap { Int($0) })
      #expect(steps >= 100 && run.errors.contains("Saved after "))
    }
  }

  @Test func aLossThatIsNotFiniteStopsAndKeepsTheParametersBeforeIt() throws {
    try withTemporaryFolder { folder in
      let model = "\(folder)/model"
      let run = try CommandRun("train", "--data", "drawn", "--learning-rate", "1e12", "--save", model)
      #expect(run.status == 70)
      #expect(run.errors.contains("is not finite at step "))
      #expect(run.output.isEmpty)
      _ = try Checkpoint(path: model)
    }
  }

  @Test func withoutMNISTAndNetworkDigitsAreDrawn() throws {
    try withTemporaryFolder { folder in
      // Nothing listens on port 1, so that the network seems to be missing where there is one.
      let run = try CommandRun(
        ["train", "--steps", "1", "--json"],
        environment: ["XDG_CACHE_HOME": folder, "https_proxy": "http://127.0.0.1:1"])
      #expect(run.status == 0)
      #expect(try run.json()["dataset"] as? String == "drawn")
      #expect(run.errors.split(separator: "\n").count { $0.hasPrefix("Going on with drawn digits") } == 1)
    }
  }

  @Test(.enabled(if: MNISTAvailability.isPresent, MNISTAvailability.reason))
  func theDefaultPresetLearnsMNIST() throws {
    let folder = try #require(MNISTAvailability.folder)
    let result = try CommandRun("train", "--data", folder, "--json").json()
    #expect(result["dataset"] as? String == "mnist")
    #expect(try #require(result["test_accuracy"] as? Double) >= 0.91)
  }
}
