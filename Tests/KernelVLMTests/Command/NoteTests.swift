import Foundation
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

/// What the command says besides its results.
@Suite struct NoteTests {
  /// A name is text, and never says how other text is printed.
  @Test func aNameWithAFormatIsPrintedAsItIs() throws {
    try withTemporaryFolder { folder in
      let (names, model) = ("%1$@,%n,%s,%d,%%,%@,%99999999d,%*d,\\(x),%", "\(folder)/model")
      let fresh = try CommandRun(
        "train", "--data", "drawn", "--steps", "2", "--log-every", "1", "--names", names, "--max-text", "12", "--save",
        model)
      #expect(fresh.status == 0, "\(fresh.errors)")
      let labels = DrawnDigits().images(.train, 0..<4).labels.map { names.split(separator: ",")[Int($0)] }
      for step in 1...2 { #expect(fresh.errors.contains("step     \(step)/2 | ")) }
      #expect(fresh.errors.contains("| target: \(labels[0]) | ") && fresh.errors.contains("| target: \(labels[1]) | "))
      let resumed = try CommandRun("train", "--resume", model, "--steps", "4", "--log-every", "1")
      #expect(resumed.status == 0 && resumed.errors.contains("| target: \(labels[3]) | "), "\(resumed.errors)")
      let evaluated = try CommandRun("evaluate", model, "--data", "drawn")
      #expect(evaluated.output.contains("\n%99999999d "))
    }
  }

  @Test(arguments: ["a\u{1b}[2J", "a\u{9b}2J", "a\rb", "a\u{202e}b", "a\u{2066}b", "a\u{7f}"])
  func aNameThatSteersATerminalIsRefusedAndNotPrinted(name: String) throws {
    let run = try CommandRun("train", "--data", "drawn", "--names", "\(name),b,c,d,e,f,g,h,i,j")
    #expect(run.status == 64 && run.errors.contains("--names: name is \""))
    #expect(!run.errors.contains(name))
  }

  @Test func aPathThatSteersATerminalIsEscaped() throws {
    let run = try CommandRun("evaluate", "none\u{1b}[2J\u{202e}", "--quiet")
    #expect(run.status == 66)
    #expect(run.errors == "Error: none\\u{1B}[2J\\u{202E}: could not read: No such file or directory\n")
  }

  @Test func aNumberOfStepsBeyond32BitsIsLogged() throws {
    let run = try CommandRun(
      ["train", "--data", "drawn", "--steps", "3000000000"], signal: (SIGINT, "step   100/3000000000 | "))
    #expect(run.status == 130)
    #expect(run.errors.contains(" of 3,000,000,000 steps\n"))
  }

  /// The names of the batch's first image: with batches of 7, of images 0, 7 and 14.
  @Test func aLogLineNamesTheFirstImageOfItsBatch() throws {
    try withTemporaryFolder { folder in
      let log = "\(folder)/log"
      let run = try CommandRun(
        "train", "--data", "drawn", "--batch", "7", "--steps", "6", "--log-every", "1", "--log", log)
      #expect(run.status == 0)
      let labels = DrawnDigits().images(.train, 0..<42).labels
      let names = (0..<6).map { Vocabulary.digitNames[Int(labels[7 * $0])] }
      let others = (1..<7).map { last in (0..<6).map { Vocabulary.digitNames[Int(labels[7 * $0 + last])] } }
      try #require(!others.contains(names), "no other place of the batch has these names")
      let lines = run.errors.split(separator: "\n").filter { $0.hasPrefix("step ") }
      #expect(lines.map { $0.components(separatedBy: "target: ")[1].components(separatedBy: " ")[0] } == names)
      let logged = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n").map {
        try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])["target"] as? String
      }
      #expect(logged == names)
    }
  }

  @Test func logEveryChoosesTheLinesAndNoBit() throws {
    let arguments = ["train", "--data", "drawn", "--steps", "25", "--json"]
    let (plain, often) = (try CommandRun(arguments), try CommandRun(arguments + ["--log-every", "10"]))
    func steps(_ run: CommandRun) -> [String] {
      run.errors.split(separator: "\n").filter { $0.hasPrefix("step ") }.map {
        String($0.prefix(13)).trimmingCharacters(in: .whitespaces)
      }
    }
    #expect(steps(plain) == ["step    25/25"])
    #expect(steps(often) == ["step    10/25", "step    20/25", "step    25/25"])
    #expect(try plain.json()["weights_sha256"] as? String == often.json()["weights_sha256"] as? String)
  }

  @Test func quietLeavesErrorsAlone() throws {
    try withTemporaryFolder { folder in
      let model = "\(folder)/model"
      let commands = [
        ["train", "--steps", "2", "--save", model], ["evaluate", model], ["see", model],
        ["ablate", "--steps", "1", "--seeds", "1", "--features", "all"],
      ]
      for command in commands {
        let run = try CommandRun(command + ["--quiet", "--data", "drawn"])
        #expect(run.status == 0 && run.errors.isEmpty && !run.output.isEmpty, "\(command): \(run.errors)")
      }
      let wrong = try CommandRun("see", model, "--quiet", "--data", "drawn", "--index", "-1")
      #expect(wrong.status == 64 && wrong.errors == "Error: --index: index is -1, must be 0 to 9999\n")
      let hopeless = try CommandRun("train", "--quiet", "--data", "drawn", "--learning-rate", "1e12")
      #expect(
        hopeless.status == 70 && hopeless.errors.hasPrefix("Error: ")
          && hopeless.errors.filter { $0 == "\n" }.count == 1)
    }
  }

  /// Each of these letters takes two columns of a terminal.
  @Test func wideNamesKeepTheTableAligned() throws {
    try withTemporaryFolder { folder in
      let (names, model) = ("零,一,二,三,四,五,六,七,八,九九九", "\(folder)/model")
      let run = try CommandRun("train", "--data", "drawn", "--steps", "1", "--names", names, "--save", model)
      #expect(run.status == 0, "\(run.errors)")
      let lines = try CommandRun("evaluate", model, "--data", "drawn").output.split(separator: "\n")
      let table = lines.filter {
        $0.hasSuffix(" none") || names.split(separator: ",").contains($0.prefix { $0 != " " })
      }
      let widths = table.map { $0.reduce(0) { $0 + ($1.isASCII ? 1 : 2) } }
      #expect(table.count == 11 && Set(widths).count == 1, "\(widths)")
    }
  }

  /// What it suggests can be copied into a shell, and shows an image that the model spells right.
  @Test(arguments: [true, false]) func whatComesNextIsACommandForAShell(isOnPath: Bool) throws {
    try withTemporaryFolder { folder in
      let model = "\(folder)/my model's $file"
      let path = isOnPath ? CommandRun.searchPath : "/usr/bin:/bin"
      let run = try CommandRun(
        ["train", "--data", "drawn", "--steps", "300", "--save", model], environment: ["PATH": path])
      let next = try #require(run.errors.split(separator: "\n").last)
      let command = String(next.dropFirst("Next: ".count))
      #expect(command.hasPrefix("kernelvlm see '") == isOnPath && command.contains("kernelvlm see '"), "\(next)")
      let shown = try CommandRun([], environment: ["PATH": path, "NEXT": command], shell: "eval \"$NEXT\"")
      #expect(shown.status == 0 && shown.output.contains(" ✓\n"), "\(shown.errors)")
    }
  }

  @Test func aFileNamedLikeAnOptionIsSuggestedAsAFile() throws {
    try withTemporaryFolder { folder in
      let run = try CommandRun(
        [], environment: ["FOLDER": folder],
        shell: "cd \"$FOLDER\" && kernelvlm train --data drawn --steps 300 --save=-m && kernelvlm info ./-m")
      #expect(run.status == 0 && run.errors.contains("Next: kernelvlm see ./-m --index "), "\(run.errors)")
    }
  }

  @Test func bashCompletesWhatIsBegun() throws {
    let run = try CommandRun(
      [],
      shell: """
        "$0" --generate-completion-script bash > "${TMPDIR:-/tmp}/kernelvlm-$$" && exec bash -c '
        source "$0"; rm "$0"
        COMP_WORDS=(kernelvlm train --save-); COMP_CWORD=2; COMP_LINE="${COMP_WORDS[*]}"; COMP_POINT=${#COMP_LINE}
        _kernelvlm kernelvlm --save- train; echo "${COMPREPLY[@]}"' "${TMPDIR:-/tmp}/kernelvlm-$$"
        """)
    #expect(run.status == 0 && run.output == "--save-every\n", "\(run.output)\(run.errors)")
    for shell in ["zsh", "fish"] {
      #expect(try CommandRun("--generate-completion-script", shell).output.contains("save-every"))
    }
  }

  @Test func theNewestVersionOfTheChangelogIsTheCommands() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../..")
    let changes = try String(contentsOf: root.appendingPathComponent("CHANGELOG.md"), encoding: .utf8)
    let newest = try #require(changes.firstMatch(of: /\n## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d\n/))
    #expect(try CommandRun("--version").output == "\(newest.output.1)\n")
  }
}
