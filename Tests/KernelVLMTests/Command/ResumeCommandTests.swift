import Foundation
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

/// Trainings that are interrupted and resumed, each in a process of its own.
@Suite struct ResumeCommandTests {
  /// Runs `body` with a folder of IDX files: few images, so that a process is ready in no time.
  static func withSmallData(_ body: (_ folder: String) throws -> Void) throws {
    try withTemporaryFolder { folder in
      for (split, count) in [(Split.train, 500), (Split.test, 50)] {
        let digits = DrawnDigits(seed: 5).images(split, 0..<count)
        let files = MNIST.files(split)
        try write(idxFile([count, 28, 28], digits.images), to: files.images.path(in: folder))
        try write(idxFile([count], digits.labels), to: files.labels.path(in: folder))
      }
      try body(folder)
    }
  }

  static let steps = 2000
  static let recipes: [[String]] = [
    ["--batch", "1"], ["--preset", "published", "--order", "shuffled", "--schedule", "cosine", "--warm-up", "300"],
    ["--batch", "20", "--weight-decay", "0.1", "--order", "shuffled", "--threads", "2", "--schedule-steps", "2500"],
    ["--preset", "augmented", "--batch", "4"], ["--preset", "local", "--batch", "4"],
    ["--preset", "lean", "--batch", "3", "--unseen", "one,six"],
    ["--preset", "tiny", "--batch", "4", "--held-out", "100"],
  ]

  /// Interrupts trainings at random moments, two times each, until there were enough interruptions.
  @Test(arguments: [SIGINT, SIGTERM, SIGKILL]) func interruptedAnywhereItEndsWithTheSameBits(signal: Int32) throws {
    try Self.withSmallData { folder in
      let fresh = Self.recipes.map { ["train", "--data", folder, "--steps", "\(Self.steps)", "--json"] + $0 }
      let whole = try fresh.map { try CommandRun($0).json()["weights_sha256"] as? String }
      var (steps, round) = ([Int](), 0)
      while steps.count < (runsLongTests ? 100 : 3) || round < fresh.count {
        let recipe = round % fresh.count
        let (interruptions, hash) = try interruptTwice(fresh[recipe], signal, model: "\(folder)/model-\(round)")
        #expect(hash == whole[recipe], "\(interruptions), \(fresh[recipe])")
        steps += interruptions
        round += 1
      }
      if runsLongTests { print("\(steps.count) interruptions by signal \(signal), saved steps: \(steps.sorted())") }
    }
  }

  /// Runs `arguments`, and then whatever the command says to go on with, two times up to a random moment.
  /// - Returns: the steps in the file after each interruption, and the final weights' SHA-256.
  private func interruptTwice(
    _ arguments: [String], _ signal: Int32, model: String
  ) throws -> (steps: [Int], hash: String?) {
    let data = arguments[1...2]
    let resume = ["train", "--resume", model] + data + ["--save-every", "37"]
    var next = arguments + ["--save", model, "--save-every", "37"]
    var steps: [Int] = []
    for hundred in (1..<Self.steps / 100).shuffled().prefix(2).sorted() {
      let cue = String(format: "step %5d/", 100 * hundred)
      let run = try CommandRun(next, signal: (signal, cue), delay: .random(in: 0...10_000))
      if run.status == 0 { return (steps, try run.json()["weights_sha256"] as? String) }
      #expect(run.status == (signal == SIGKILL ? -signal : 128 + signal), "\(run.errors)")
      #expect(run.output.isEmpty)
      let saved = try SavedTraining(path: model)
      #expect(saved.stepsDone >= steps.last ?? 0)
      next = resume + ["--json"]
      // It may have been done when the signal came, and saved.
      guard saved.stepsDone < Self.steps else { continue }
      steps.append(saved.stepsDone)
      #expect(signal != SIGKILL || saved.stepsDone % 37 == 0)
      guard signal != SIGKILL else { continue }
      let advice = try #require(run.errors.split(separator: "\n").last { $0.hasPrefix("Go on with: kernelvlm ") })
      let threads = arguments.contains("--threads") && steps.count == 1 ? ["--threads", "2"] : []
      #expect(advice == "Go on with: kernelvlm " + (resume + threads + ["--json"]).joined(separator: " "))
    }
    return (steps, try CommandRun(next).json()["weights_sha256"] as? String)
  }

  /// The command that it says to go on with is one for a shell, whatever the names.
  @Test func aShellTakesTheCommandToGoOnWith() throws {
    try Self.withSmallData { folder in
      let odd = "\(folder)/it's an \"odd\" $name;"
      try FileManager.default.createDirectory(atPath: odd, withIntermediateDirectories: false)
      let arguments = ["train", "--data", folder, "--steps", "2000", "--save", "\(odd)/model", "--log", "\(odd)/log"]
      let whole = try CommandRun("train", "--data", folder, "--steps", "2000", "--json").json()
      let run = try CommandRun(arguments + ["--json"], signal: (SIGINT, "step   100/"))
      #expect(run.status == 130)
      let advice = try #require(run.errors.split(separator: "\n").last { $0.hasPrefix("Go on with: ") })
      let binaries = CommandRun.executable.deletingLastPathComponent().path
      let result = try CommandRun(
        [], environment: ["PATH": "\(binaries):/usr/bin:/bin"], shell: String(advice.dropFirst("Go on with: ".count))
      ).json()
      #expect(result["weights_sha256"] as? String == whole["weights_sha256"] as? String)
      #expect((result["resumed_at_step"] as? Int).map { $0 >= 100 } == true)
      #expect(try LogTests.steps("\(odd)/log") == (1...20).map { 100 * $0 }, "a log goes on where it was")
    }
  }

  /// Options that the file contradicts, what they are told, and the status.
  static let contradictions: [(arguments: [String], problem: String)] = [
    (["--batch", "2"], "--batch: batch is 2, must be 1, as in "),
    (["--seed", "41"], "--seed: seed is 41, must be 42, as in "),
    (["--learning-rate", "0.01"], "--learning-rate: learning rate is 0.01, must be 0.003, as in "),
    (["--schedule", "cosine"], "--schedule: schedule is cosine, must be linear, as in "),
    (["--schedule-steps", "8000"], "--schedule-steps: schedule steps is 8000, must be 7000, as in "),
    (["--warm-up", "10"], "--warm-up: warm up is 10, must be 0, as in "),
    (["--beta1", "0.9"], "--beta1: beta1 is 0.9, must be 0.85, as in "),
    (["--beta2", "0.9"], "--beta2: beta2 is 0.9, must be 0.99, as in "),
    (["--weight-decay", "0.1"], "--weight-decay: weight decay is 0.1, must be 0.0, as in "),
    (["--feature-clip", "2"], "--feature-clip: feature clip is 2.0, must be 1.0, as in "),
    (["--clip", "2"], "--clip: clip is 2.0, must be 5.0, as in "),
    (["--order", "shuffled"], "--order: order is shuffled, must be sequential, as in "),
    (
      ["--augmentation", "6,1,0.08,0.05,2"],
      "--augmentation: augmentation is 6.0,1.0,0.08,0.05,2.0, must be none, as in "
    ),
    (["--unseen", "two"], "--unseen: unseen is two, must be none, as in "),
    (["--held-out", "3"], "--held-out: held out is 3, must be 0, as in "),
    (["--stages", "8,5,3,0"], "--stages: stages is 8,5,3,0, must be none, as in "),
    (["--preset", "lean"], "--base-features: base features is 0, must be 10, as in "),
    (["--steps", "19"], "--steps: steps is 19, must be 20 to 7000: those done in "),
    (["--steps", "7001"], "--steps: steps is 7001, must be 20 to 7000: those done in "),
    (["--preset", "published"], "--gradient: gradient is published, must be exact, as in "),
    (["--gradient", "published"], "--gradient: gradient is published, must be exact, as in "),
    (["--attention", "dot"], "--attention: attention is dot, must be tensor, as in "),
    (["--recon-weight", "0"], "--recon-weight: reconstruction weight is 0.0, must be 0.01, as in "),
    (["--image-size", "7"], "--image-size: image size is 7, must be 14, as in "),
    (["--base-features", "9"], "--base-features: base features is 9, must be 10, as in "),
    (["--tensor-tokens", "0"], "--tensor-tokens: tensor tokens is 0, must be 12, as in "),
    (["--direct", "2:8"], "--direct: direct is 2:8, must be 2:8,3:8, as in "),
    (["--width", "64"], "--width: width is 64, must be 32, as in "),
    (["--heads", "2"], "--heads: heads is 2, must be 4, as in "),
    (["--layers", "2"], "--layers: layers is 2, must be 1, as in "),
    (["--mlp-ratio", "2"], "--mlp-ratio: mlp ratio is 2, must be 4, as in "),
    (["--max-text", "9"], "--max-text: maximum text length is 9, must be 8, as in "),
    (["--names", "a,b"], "--names: names is a,b, must be zero,one,"),
    (["--backend", "reference"], "--backend: backend is reference, must be c, as in "),
    (["--precision", "double"], "--precision: precision is double, must be float"),
  ]

  @Test func whatContradictsTheFileIsRefusedByName() throws {
    try Self.withSmallData { folder in
      let model = "\(folder)/model"
      #expect(try CommandRun("train", "--data", folder, "--steps", "20", "--save", model).status == 0)
      let before = try Data(contentsOf: URL(fileURLWithPath: model))
      for (arguments, problem) in Self.contradictions {
        let run = try CommandRun(["train", "--data", folder, "--resume", model] + arguments)
        #expect(run.status == 64, "\(arguments): \(run.errors)")
        #expect(run.errors.hasPrefix("Error: \(problem)") && run.output.isEmpty, "\(arguments): \(run.errors)")
      }
      let same = [
        "--steps", "20", "--batch", "1", "--seed", "42", "--preset", "exact", "--direct", "2:8,3:8", "--backend", "c",
      ]
      let agreeing = try CommandRun(["train", "--data", folder, "--resume", model] + same)
      #expect(agreeing.status == 0, "\(agreeing.errors)")
      #expect(try Data(contentsOf: URL(fileURLWithPath: model)) == before)
    }
  }

  @Test func whatCannotBeResumedIsRefused() throws {
    try Self.withSmallData { folder in
      let model = "\(folder)/model"
      let run = try CommandRun("train", "--data", folder, "--steps", "20", "--save", model)
      #expect(run.status == 0)
      var file = try Safetensors.load(model)
      file.tensors.removeAll { $0.name.hasPrefix("adam.") }
      try file.save("\(folder)/alone")
      let before = try Data(contentsOf: URL(fileURLWithPath: model))
      let cases: [(arguments: [String], status: Int32, problem: String)] = [
        (["--resume", "\(folder)/none"], 66, "\(folder)/none"),
        (["--resume", "\(folder)/alone"], 65, "expected Adam's moments after 20 of 7000 steps, found a model alone"),
        (["--resume", MNIST.files(.test).labels.path(in: folder)], 65, "expected"),
        (["--resume", model, "--data", "drawn"], 65, "\(model): expected to go on with the images of custom"),
        (["--resume", model, "--log", model], 64, "--resume and --log name the same file"),
        (["--save-every", "10"], 64, "--save-every needs --save"),
        (["--save", model, "--save-every", "0"], 64, "--save-every is 0, must be at least 1"),
      ]
      for (arguments, status, problem) in cases {
        let data = arguments.contains("--data") ? [] : ["--data", folder]
        let run = try CommandRun(["train"] + data + arguments)
        #expect(run.status == status, "\(arguments): \(run.errors)")
        #expect(run.errors.contains(problem) && run.output.isEmpty, "\(arguments): \(run.errors)")
      }
      #expect(try Data(contentsOf: URL(fileURLWithPath: model)) == before)
    }
  }

  /// Digits that are drawn need not be asked for again, and a file of another name leaves the first as it was.
  @Test func aTrainingGoesOnInAnotherFile() throws {
    try withTemporaryFolder { folder in
      let (first, second) = ("\(folder)/first", "\(folder)/second")
      #expect(try CommandRun("train", "--data", "drawn", "--steps", "20", "--save", first).status == 0)
      let before = try Data(contentsOf: URL(fileURLWithPath: first))
      let run = try CommandRun("train", "--resume", first, "--steps", "40", "--save", second, "--json")
      let result = try run.json()
      #expect(run.errors.contains("Resumed: \(first), 20 of 40 steps done\n"))
      #expect(result["steps"] as? Int == 40 && result["resumed_at_step"] as? Int == 20)
      #expect(try Data(contentsOf: URL(fileURLWithPath: first)) == before)
      let whole = try CommandRun("train", "--data", "drawn", "--steps", "40", "--json").json()
      #expect(result["weights_sha256"] as? String == whole["weights_sha256"] as? String)
      let again = try CommandRun("train", "--resume", second, "--json")
      #expect(again.status == 0)
      #expect(try again.json()["weights_sha256"] as? String == whole["weights_sha256"] as? String)
      #expect(try again.json()["final_text_loss"] == nil, "no step was taken")
      #expect(try CommandRun("see", second, "--json").status == 0, "a model like any other")
    }
  }

  @Test(.enabled(if: InstructionSet.available.count > 1, "only one instruction set"))
  func anotherInstructionSetIsAnnounced() throws {
    try Self.withSmallData { folder in
      let model = "\(folder)/model"
      let fresh = try CommandRun(
        "train", "--data", folder, "--steps", "20", "--save", model, "--isa", "baseline", "--json")
      #expect(try fresh.json()["isa"] as? String == "baseline")
      let resume = ["train", "--data", folder, "--resume", model, "--json", "--steps"]
      #expect(try CommandRun(resume + ["30"]).json()["isa"] as? String == "baseline", "as in the file")
      let run = try CommandRun(resume + ["40", "--isa", "avx2"])
      #expect(try run.json()["isa"] as? String == "avx2")
      #expect(run.errors.contains("Note: it was trained with baseline so far"))
    }
  }
}
