import Foundation
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

/// Signals beyond the first one, which `TrainCommandTests` sends.
@Suite struct InterruptionTests {
  private static let endless = ["train", "--data", "drawn", "--steps", "100000000"]

  private func expectSaved(_ model: String, _ run: CommandRun, by signal: Int32) throws {
    #expect(run.status == 128 + signal && run.output.isEmpty, "\(run.status), \(run.errors)")
    #expect(run.errors.contains("Saved after "))
    #expect(try SavedTraining(path: model).stepsDone >= 100)
  }

  /// Sends a second signal in the middle of a step that takes seconds.
  private func runSlowStep(saving model: String, _ first: Int32, _ second: Int32) throws -> CommandRun {
    try CommandRun(
      [
        "train", "--data", "drawn", "--batch", "16384", "--backend", "reference", "--precision", "double",
        "--threads", "1", "--save", model,
      ], signal: (first, "Kernels: "), delay: 300_000, second: second)
  }

  /// The first one waits for the end of the step; the second one does not.
  @Test(arguments: [SIGINT, SIGTERM]) func aSecondOneEndsAtOnce(signal: Int32) throws {
    try withTemporaryFolder { folder in
      let run = try runSlowStep(saving: "\(folder)/model", SIGINT, signal)
      #expect(run.status == 128 + signal && !run.errors.contains("Stopped after"), "\(run.status), \(run.errors)")
      #expect(try names(in: folder).isEmpty)
    }
  }

  @Test(arguments: [SIGHUP, SIGTERM]) func aClosedTerminalIsNeverASecondOne(first: Int32) throws {
    try withTemporaryFolder { folder in
      let model = "\(folder)/model"
      let run = try runSlowStep(saving: model, first, SIGHUP)
      #expect(run.status == 128 + first && run.errors.contains("Stopped after 1 of "), "\(run.status), \(run.errors)")
      #expect(try SavedTraining(path: model).stepsDone == 1)
    }
  }

  @Test func aSignalThatWasIgnoredStaysSo() throws {
    try withTemporaryFolder { folder in
      let model = "\(folder)/model"
      let run = try CommandRun(
        Self.endless + ["--save", model], signal: (SIGHUP, "step   100/"), second: SIGTERM,
        shell: "trap '' HUP; exec \"$0\" \"$@\"")
      try expectSaved(model, run, by: SIGTERM)
    }
  }

  @Test(.enabled(if: Launching.succeeds("env --block-signal=TERM true"), "needs env --block-signal"))
  func aSignalThatTheStarterBlocksIsHeard() throws {
    try withTemporaryFolder { folder in
      let model = "\(folder)/model"
      let run = try CommandRun(
        Self.endless + ["--save", model], signal: (SIGTERM, "step   100/"),
        shell: "exec env --block-signal=TERM \"$0\" \"$@\"")
      try expectSaved(model, run, by: SIGTERM)
    }
  }

  private static let limited = "\(Launching.asNobody) prlimit --nproc=1 \"$0\""
  @Test(
    .enabled(if: !isSanitized && Launching.succeeds("\(limited) --version"), "needs prlimit, and another user"),
    arguments: [SIGINT, SIGTERM])
  func signalsNeedNoThread(signal: Int32) throws {
    try ResumeCommandTests.withSmallData { folder in
      try #require(chmod(folder, 0o777) == 0)
      let model = "\(folder)/model"
      let run = try CommandRun(
        ["train", "--data", folder, "--steps", "100000000", "--threads", "1", "--save", model],
        signal: (signal, "step   100/"), shell: "exec \(Self.limited) \"$@\"")
      try expectSaved(model, run, by: signal)
    }
  }
}
