import Foundation
import KernelVLM
import Testing

/// Exit statuses, help, and what is refused.
@Suite struct UsageTests {
  /// Arguments, and what the refusal must name.
  static let wrongUses: [(arguments: [String], names: [String])] = [
    (["--steps", "0"], ["--steps", "0", "at least 1"]),
    (["--steps", "x"], ["--steps", "x"]),
    (["--steps", "-5"], ["--steps", "-5", "at least 1"]),
    (["--batch", "-1"], ["--batch", "-1", "1 to 65536"]),
    (["--seed", "-1"], ["--seed", "-1", "0 to 4294967295"]),
    (["--seed", "4294967296"], ["--seed", "4294967296", "0 to 4294967295"]),
    (["--threads", "-1"], ["--threads", "-1", "1 to 1024"]),
    (["--save-every", "-1", "--save", "x"], ["--save-every", "-1", "at least 1"]),
    (["--log-every", "0"], ["--log-every", "0", "at least 1"]),
    (["--log-every", "-1"], ["--log-every", "-1", "at least 1"]),
    (["--learning-rate", "-1"], ["--learning-rate", "-1", "a positive number"]),
    (["--schedule-steps", "-1"], ["--schedule-steps", "-1", "at least the 7000"]),
    (["--warm-up", "-1"], ["--warm-up", "-1", "0 to the 7000"]),
    (["--beta1", "-1"], ["--beta1", "-1", "at least 0"]),
    (["--beta2", "-1"], ["--beta2", "-1", "at least 0"]),
    (["--weight-decay", "-1"], ["--weight-decay", "-1", "0 or a positive number"]),
    (["--feature-clip", "-1"], ["--feature-clip", "-1", "a positive number"]),
    (["--clip", "-1"], ["--clip", "-1", "a positive number"]),
    (["--recon-weight", "-1"], ["--recon-weight", "-1", "0 or a positive number"]),
    (["--image-size", "-1"], ["--image-size", "-1", "1 to 1024"]),
    (["--base-features", "-1"], ["--base-features", "-1", "1 to 4096"]),
    (["--tensor-tokens", "-1"], ["--tensor-tokens", "-1", "0 to 4096"]),
    (["--direct", "-2:8"], ["--direct", "-2", "2 to 16"]),
    (["--width", "-1"], ["--width", "-1", "1 to 4096"]),
    (["--heads", "-1"], ["--heads", "-1", "1 to 4096"]),
    (["--layers", "-1"], ["--layers", "-1", "1 to 256"]),
    (["--mlp-ratio", "-1"], ["--mlp-ratio", "-1", "1 to 64"]),
    (["--max-text", "-1"], ["--max-text", "-1", "1 to 4096"]),
    (["--batch", "0"], ["--batch", "0", "1 to 65536"]),
    (["--threads", "0"], ["--threads", "0", "1 to 1024"]),
    (["--learning-rate=-1"], ["--learning-rate", "-1", "a positive number"]),
    (["--schedule-steps", "10"], ["--schedule-steps", "10", "at least the 7000"]),
    (["--warm-up", "7001"], ["--warm-up", "7001", "0 to the 7000"]),
    (["--beta1", "1"], ["--beta1", "less than 1"]),
    (["--beta2", "2"], ["--beta2", "less than 1"]),
    (["--weight-decay", "nan"], ["--weight-decay", "nan"]),
    (["--feature-clip", "0"], ["--feature-clip", "a positive number"]),
    (["--clip", "inf"], ["--clip", "inf"]),
    (["--image-size", "40"], ["--image-size", "40", "28"]),
    (["--base-features", "0"], ["--base-features", "0"]),
    (["--tensor-tokens", "0", "--direct", "none"], ["--tensor-tokens", "--direct", "at least 1"]),
    (["--direct", "1:8"], ["--direct", "1", "2 to 16"]),
    (["--direct", "2"], ["--direct", "2"]),
    (["--direct", "3:8", "--recon-weight", "0.1"], ["--recon-weight", "0.1", "degree 2"]),
    (["--heads", "5"], ["--width", "32", "multiple of the 5 heads"]),
    (["--heads", "32"], ["--heads", "1", "even"]),
    (["--layers", "0"], ["--layers", "0"]),
    (["--mlp-ratio", "0"], ["--mlp-ratio", "0"]),
    (["--max-text", "6"], ["--max-text", "6", "at least 7"]),
    (["--names", "one,one"], ["--names", "one", "different from name 0"]),
    (["--precision", "double"], ["--precision", "double", "float"]),
    (["--backend", "gpu"], ["--backend", "gpu", "reference"]),
    (["--bogus"], ["--bogus"]),
    (["--save", "same", "--log", "same"], ["--save", "--log", "same"]),
  ]

  @Test(arguments: wrongUses)
  func wrongUseExits64AndNamesTheOption(_ arguments: [String], _ names: [String]) throws {
    let run = try CommandRun(["train", "--data", "drawn"] + arguments)
    #expect(run.status == 64)
    #expect(run.output.isEmpty)
    #expect(run.errors.hasPrefix("Error: "))
    for name in names { #expect(run.errors.contains(name)) }
  }

  @Test(arguments: [
    ["ablate", "--seeds", "-1"], ["ablate", "--seed", "-1"], ["ablate", "--steps", "-1"],
    ["ablate", "--threads", "-1"],
    ["evaluate", "none", "--threads", "-1"],
  ])
  func aNegativeNumberIsRefusedWithItsRange(_ arguments: [String]) throws {
    let run = try CommandRun(arguments)
    #expect(run.status == 64 && run.output.isEmpty, "\(run.errors)")
    #expect(run.errors.contains("-1") && run.errors.contains(arguments.dropLast().last ?? ""))
    #expect(run.errors.contains("must be ") && !run.errors.contains("Missing value"))
  }

  @Test func filesThatCannotBeUsedExitByTheirKind() throws {
    try withTemporaryFolder { folder in
      let text = "\(folder)/text"
      try Data("no safetensors".utf8).write(to: URL(fileURLWithPath: text))
      let cases: [(arguments: [String], status: Int32, named: String)] = [
        (["evaluate", "\(folder)/none"], 66, "\(folder)/none"),
        (["see", text], 65, text),
        (["train", "--data", folder], 66, "train-images-idx3-ubyte"),
        (["train", "--data", "drawn", "--save", "\(folder)/none/model"], 73, "\(folder)/none"),
        (["train", "--data", "drawn", "--save", folder], 73, folder),
        (["train", "--data", "drawn", "--log", "\(folder)/none/log"], 73, "\(folder)/none/log"),
      ]
      for (arguments, status, named) in cases {
        let run = try CommandRun(arguments)
        #expect(run.status == status, "\(arguments): \(run.errors)")
        #expect(run.output.isEmpty)
        #expect(run.errors.contains(named))
        #expect(!run.errors.contains("step "), "refused before any work")
      }
    }
  }

  static let options: [(subcommand: [String], options: [String])] = [
    (
      ["train"],
      [
        "preset", "data", "steps", "batch", "threads", "seed", "backend", "precision", "attention", "gradient",
        "recon-weight", "save", "save-every", "resume", "from", "log", "log-every", "quiet",
        "json", "learning-rate", "schedule",
        "schedule-steps", "warm-up", "beta1", "beta2", "weight-decay", "feature-clip", "clip", "order", "isa",
        "image-size", "base-features", "tensor-tokens", "direct", "width", "heads", "layers", "mlp-ratio", "max-text",
        "names",
      ]
    ),
    (["evaluate"], ["data", "split", "threads", "backend", "precision", "isa", "json", "quiet"]),
    (["see"], ["index", "single", "whole", "trace", "data", "backend", "precision", "json", "quiet"]),
    (["info"], ["json"]),
    (["ablate"], ["seeds", "seed", "steps", "threads", "features", "data", "backend", "json", "quiet"]),
    (["data", "fetch"], ["to", "mirror", "quiet"]),
    (["data", "info"], ["data", "json"]),
    (["data", "normalise"], ["output", "cut", "image-size", "test-share", "skip-bad", "quiet"]),
  ]

  @Test(arguments: options)
  func helpMentionsEveryOption(_ subcommand: [String], _ options: [String]) throws {
    let run = try CommandRun(subcommand + ["--help"])
    #expect(run.status == 0 && run.errors.isEmpty)
    for option in options { #expect(run.output.contains("  --\(option) ") || run.output.contains("  --\(option)\n")) }
    let example = (["kernelvlm"] + subcommand).joined(separator: " ")
    #expect(run.output.contains("\n\(example)"), "an example")
    for line in run.output.split(separator: "\n") where !line.hasPrefix("USAGE") { #expect(line.count <= 80) }
    #expect(!run.output.contains("\\"), "a line of the source that goes on in the next one")
  }

  /// A setting that has an option is one of `train`: an option without a setting traps at the start.
  @Test func everySettingsOptionIsOneOfTrain() throws {
    let help = try CommandRun("train", "--help").output
    let options = ModelConfiguration.settings.compactMap(\.option) + Recipe.settings.compactMap(\.option)
    #expect(options.count >= 26)
    for option in options { #expect(help.contains("  --\(option) <"), "\(option)") }
  }

  @Test func helpAndVersionGoToStandardOutput() throws {
    let help = try CommandRun("--help")
    for subcommand in ["train", "evaluate", "see", "info", "ablate", "data"] {
      #expect(help.output.contains("  \(subcommand) "))
    }
    #expect(help.output.contains("EXIT STATUS"))
    let example = try #require(try CommandRun("train", "--help").output.firstMatch(of: /\nkernelvlm train.*\n/))
    #expect(example.output == "\nkernelvlm train --save model.safetensors\n", "saving first")
    let version = try CommandRun("--version")
    #expect(version.status == 0 && version.output.wholeMatch(of: /\d+\.\d+\.\d+\n/) != nil)
  }
}
