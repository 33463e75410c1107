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

  /// Its batch, its model, its gradient; and a schedule of as many steps as are asked for.
  @Test(arguments: [("augmented", 128, 32_240), ("local", 64, 32_576), ("lean", 64, 20_784), ("tiny", 64, 6720)])
  func aPresetIsAModelAndARecipe(preset: String, batch: Int, parameters: Int) throws {
    try ResumeCommandTests.withSmallData { folder in
      let model = "\(folder)/model"
      let run = try CommandRun(
        "train", "--preset", preset, "--data", folder, "--steps", "3", "--save", model, "--json")
      let result = try run.json()
      #expect(result["batch"] as? Int == batch && result["parameters"] as? Int == parameters)
      let saved = try SavedTraining(path: model)
      #expect(saved.isFinished && saved.recipe.scheduleSteps == 3 && !saved.recipe.augmentation.isIdentity)
      let described = try CommandRun("info", model)
      #expect(described.output.contains("augmentation") && described.output.contains("stages "))
      #expect(try CommandRun("see", model, "--data", folder, "--index", "3").status == 0)
      let evaluated = try CommandRun("evaluate", model, "--data", folder, "--json").json()
      #expect(evaluated["correct"] as? Int == result["test_correct"] as? Int)
    }
  }

  /// Every so many steps and at the end; the images are those that the training leaves out.
  @Test func heldOutImagesAreSpelledOnTheWay() throws {
    try ResumeCommandTests.withSmallData { folder in
      let train = ["train", "--data", folder, "--preset", "tiny", "--batch", "4", "--steps", "50", "--json"]
      let run = try CommandRun(
        train + ["--evaluate-every", "20", "--log", "\(folder)/log", "--save", "\(folder)/model"])
      let own = try run.json()["weights_sha256"] as? String
      #expect(run.errors.contains("step    20/50 | held out: ") && run.errors.contains(" of 83 images"))
      let lines = try String(contentsOfFile: "\(folder)/log", encoding: .utf8).split(separator: "\n")
      let heldOut = try lines.compactMap {
        try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
      }.filter { $0["held_out_images"] as? Int == 83 }
      #expect(heldOut.compactMap { $0["step"] as? Int } == [20, 40, 50])
      #expect(try SavedTraining(path: "\(folder)/model").recipe.heldOut == 83)
      // Looking at them changes nothing, leaving them out does.
      let without = try CommandRun(train + ["--held-out", "83"]).json()
      #expect(without["weights_sha256"] as? String == own)
      #expect(try CommandRun(train).json()["weights_sha256"] as? String != own)
    }
  }

  @Test func whatIsNotHeldOutFromTheFirstStepOnCannotBe() throws {
    try ResumeCommandTests.withSmallData { folder in
      let model = "\(folder)/model"
      let begun = try CommandRun("train", "--data", folder, "--steps", "3", "--save", model)
      #expect(begun.status == 0)
      let run = try CommandRun(
        "train", "--resume", model, "--data", folder, "--steps", "9", "--evaluate-every", "2")
      #expect(run.status == 64 && run.errors.contains("held out is 0, must be at least 1 with --evaluate-every"))
    }
  }

  /// Pairs of drawn digits: names of their own, longer and wider than the default; some are left out and counted.
  @Test func pairsHaveNamesOfTwoDigits() throws {
    let run = try CommandRun(
      ["train", "--data", "pairs", "--preset", "tiny", "--steps", "2", "--unseen", "forty-two,seventy-six", "--json"],
      environment: ["KERNELVLM_DATA": "drawn"])
    let result = try run.json()
    #expect(result["dataset"] as? String == "pairs")
    let unseen = try #require(result["unseen"] as? [String: Any])
    #expect(unseen["names"] as? [String] == ["forty-two", "seventy-six"])
    let images = try #require(unseen["images"] as? Int)
    #expect(images > 100 && images < 300)
    let parts = try #require(result["parts"] as? [String: Any])
    #expect(parts["images"] as? Int == 10_000)
    let composed = try #require(parts["composed_images"] as? Int)
    #expect(composed > 6500 && composed < 8000)
  }

  /// Its names and its images are found without being asked for; a hundred names are listed, not laid out as a matrix.
  @Test func aModelOfPairsIsEvaluatedNameByName() throws {
    try withTemporaryFolder { folder in
      let (model, digits) = ("\(folder)/model", ["KERNELVLM_DATA": "drawn"])
      let trained = try CommandRun(
        [
          "train", "--data", "pairs", "--preset", "tiny", "--steps", "2", "--unseen", "forty-two", "--save", model,
        ], environment: digits)
      #expect(trained.output.contains("Not trained on: ") && trained.output.contains(" names with a hyphen: tens "))
      #expect(trained.errors.contains("Data: pairs of drawn, ") && trained.errors.contains("--data pairs"))
      let evaluated = try CommandRun(["evaluate", model], environment: digits)
      for text in ["Not trained on: ", " names with a hyphen: tens ", "most often else", "\nforty-two ", "no name"] {
        #expect(evaluated.output.contains(text), "\(text)")
      }
      let result = try CommandRun(["evaluate", model, "--json"], environment: digits).json()
      #expect((result["confusion"] as? [[Int]])?.count == 100 && result["unseen"] != nil && result["parts"] != nil)
    }
  }

  /// Ten shapes with names of their own, 24 x 32, by a model that is fitted to them: chance is 10 %.
  @Test func shapesAreLearnt() throws {
    let result = try CommandRun(
      "train", "--data", "shapes", "--preset", "tiny", "--steps", "1000", "--json"
    ).json()
    #expect(try #require(result["test_accuracy"] as? Double) > 0.5)
  }

  @Test func threeStagesAreTakenWithAWarning() throws {
    try ResumeCommandTests.withSmallData { folder in
      let run = try CommandRun(
        "train", "--data", folder, "--steps", "2", "--stages", "4,3,2,1:4,3,2,1:4,3,2,1", "--recon-weight", "0")
      #expect(run.status == 0 && run.errors.contains("Note: 3 stages, and more than 2 may not train"))
    }
  }

  @Test(arguments: [
    (["--stages", "8,5,3"], "stages is \"8,5,3\", must be channels,kernel,stride,padding, separated by ':'"),
    (["--stages", "8,29,1,0"], "kernel of stage 1 is 29, must be 1 to 28"),
    (["--augmentation", "1,2"], "augmentation is \"1,2\", must be five numbers"),
    (["--unseen", "eleven"], "unseen name is \"eleven\", must be one of the model's 10 names"),
    (["--held-out", "500"], "held out is 500, must be less than the 500 images"),
    (["--evaluate-every", "0"], "--evaluate-every is 0, must be at least 1"),
    (["--image-size", "29x3"], "image size is 29 x 3, must be 1 x 1 to 28 x 28, the size of the images"),
    (["--image-size", "3,4"], "image size is \"3,4\", must be 1 to 1024, or two such as 28x56"),
  ])
  func whatCannotBeTrainedIsRefused(arguments: [String], problem: String) throws {
    try ResumeCommandTests.withSmallData { folder in
      let run = try CommandRun(["train", "--data", folder, "--steps", "1"] + arguments)
      #expect(run.status == 64 && run.errors.contains(problem), "\(run.errors)")
    }
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
