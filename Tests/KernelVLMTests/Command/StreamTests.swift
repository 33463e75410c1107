import Foundation
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

/// Standard streams that are closed, or that nobody reads, or that are full.
@Suite struct StreamTests {
  @Test func aTrainingOutlastsTheReaderOfItsNotes() throws {
    try withTemporaryFolder { folder in
      let (model, log, status) = ("\(folder)/model", "\(folder)/log", "\(folder)/status")
      let run = try CommandRun(
        ["train", "--data", "drawn", "--steps", "2000", "--save", model, "--log", log],
        shell: "{ \"$0\" \"$@\" 2>&1; echo $? > '\(status)'; } | head -n 2")
      #expect(run.output.split(separator: "\n").count == 2)
      #expect(try String(contentsOfFile: status, encoding: .utf8) == "\(EX_IOERR)\n", "the result is lost")
      #expect(try LogTests.steps(log).last == 2000)
      #expect(try Checkpoint(path: model).provenance["steps"] == "2000")
    }
  }

  /// Else the next file that is opened would get what is meant for the stream.
  @Test(arguments: [("<&-", 0), (">&-", EX_IOERR), ("2>&-", 0), ("<&- >&- 2>&-", EX_IOERR)])
  func aStreamThatIsClosedIsNoFilesPlace(redirections: String, status: Int32) throws {
    try withTemporaryFolder { folder in
      let (model, log) = ("\(folder)/model", "\(folder)/log")
      let run = try CommandRun(
        ["train", "--data", "drawn", "--steps", "200", "--save", model, "--log", log],
        shell: "\"$0\" \"$@\" \(redirections)")
      #expect(run.status == status, "\(run.errors)")
      #expect(redirections.contains("2>") == run.errors.isEmpty)
      #expect(redirections.contains(" >") || redirections.hasPrefix(">") ? run.output.isEmpty : !run.output.isEmpty)
      #expect(try LogTests.steps(log) == [100, 200])
      #expect(try Checkpoint(path: model).provenance["steps"] == "200")
    }
  }

  /// /dev/full refuses every write.
  @Test func resultsThatAreLostAreNoSuccess() throws {
    try SaveCase.with { save in
      let data = ["--data", "\(save.scratch)/data"]
      for arguments in [
        ["--help"], ["--version"], ["train", "--help"], ["help", "see"], ["--generate-completion-script", "bash"],
        ["evaluate", save.model] + data, ["evaluate", save.model, "--json"] + data,
        ["see", save.model, "--index", "1"] + data, ["see", save.model, "--index", "1", "--json"] + data,
        ["data", "info"] + data, ["data", "info", "--json"] + data, save.arguments, save.arguments + ["--json"],
        save.arguments + ["--profile"],
        ["ablate", "--seeds", "1", "--steps", "1", "--features", "all"] + data,
        ["ablate", "--seeds", "1", "--steps", "1", "--features", "all", "--json"] + data,
      ] {
        let run = try CommandRun(arguments, shell: "exec \"$0\" \"$@\" > /dev/full")
        #expect(run.status == EX_IOERR, "\(arguments): \(run.status)")
        #expect(run.errors.hasSuffix("Error: standard output: could not write: No space left on device\n"))
      }
    }
  }

  /// As when somebody else who has the pipe made it so.
  @Test(.enabled(if: python("") != nil, "needs python3"))
  func aPipeThatDoesNotWaitGetsAll() throws {
    let script = """
      import fcntl, os, subprocess, sys, time
      r, w = os.pipe()
      os.set_blocking(w, False)
      fcntl.fcntl(w, 1031, 4096)  # F_SETPIPE_SZ
      run = subprocess.Popen(sys.argv[1:], stdout=w)
      os.close(w)
      time.sleep(0.5)
      print(len(os.fdopen(r, "rb").read()))
      sys.exit(run.wait())
      """
    let arguments = ["--generate-completion-script", "bash"]
    let whole = try CommandRun(arguments).output.utf8.count
    try #require(whole > 4096)
    let run = try CommandRun([script] + arguments, shell: "script=$1; shift; python3 -c \"$script\" \"$0\" \"$@\"")
    #expect(run.status == 0 && run.output == "\(whole)\n", "\(run.errors)")
  }
}
