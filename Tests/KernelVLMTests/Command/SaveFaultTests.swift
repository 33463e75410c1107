import Foundation
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

/// `train --save` where each system call of the save fails in turn.
@Suite(.enabled(if: !isSanitized, "a sanitizer must be the first library that is loaded"))
struct SaveFaultTests {
  /// The calls without which there is no new file.
  static let essential: Set = [
    "lstat", "realpath", "stat", "open", "openat of a new file", "fcntl", "write", "fsync", "close of the written file",
    "renameat",
  ]
  /// The last of the calls that matter: the new file is in place when it fails.
  static let folderFlush = "fsync of the folder"
  /// What the trial of a place does besides.
  static let removals: Set = ["unlinkat as a folder", "unlinkat of the new file"]
  /// The calls that look for leftovers and lock, and closes of what is flushed: the save succeeds without them.
  static let dispensable: Set = [
    "opendir", "readdir", "closedir", "openat", "flock", "fstat", "unlinkat", "close", "close of the folder",
  ]

  private static let leftover = ".kernelvlm-left.tmp"

  @Test(arguments: [(EIO, true), (EIO, false), (ENOSPC, true)])
  func aCallThatFailsIsAnErrorAndTheOldFileStands(error: Int32, hasOld: Bool) throws {
    try SaveCase.with { save in
      let reason = String(cString: strerror(error))
      let failed = try forEveryCall(save, error == EIO ? "EIO" : "ENOSPC", hasOld: hasOld) { run, call in
        if Self.dispensable.contains(call) {
          #expect(run.status == 0 && save.content() == .new, "\(call): \(run.errors)")
        } else {
          #expect(run.status == 73 && run.output.isEmpty, "\(call)")
          #expect(run.errors.hasSuffix("Error: \(save.model): could not write: \(reason)\n"), "\(call): \(run.errors)")
          let isNew = call == Self.folderFlush
          #expect(save.content() == (isNew ? .new : hasOld ? .old : nil), "\(call)")
        }
        let names = try save.names()
        #expect(Set(names).isSubset(of: ["model.safetensors", Self.leftover]), "\(call)")
      }
      let absent: Set = hasOld ? [] : ["realpath", "stat"]
      #expect(failed.isSuperset(of: Self.essential.subtracting(absent).union([Self.folderFlush])))
    }
  }

  /// Before the training the same calls are tried, but for those that write.
  @Test func aCallThatFailsInTheTrialOfAPlaceRefusesItBeforeTheTraining() throws {
    try SaveCase.with { save in
      let reason = String(cString: strerror(EIO))
      let failed = try forEveryCall(save, "EIO", isTrial: true) { run, call in
        if Self.dispensable.contains(call) {
          #expect(run.status == 0 && save.content() == .new, "\(call): \(run.errors)")
        } else {
          #expect(run.status == 73 && save.content() == .old, "\(call)")
          #expect(run.errors == "Error: \(save.model): could not write: \(reason)\n", "\(call): \(run.errors)")
        }
      }
      let tried = Self.removals.union(["lstat", "realpath", "stat", "open", "openat of a new file"])
      #expect(failed.isSuperset(of: tried))
      #expect(failed.isDisjoint(with: ["write", "renameat"]))
    }
  }

  /// Another process may take the new file for a leftover before it is locked.
  @Test(arguments: [false, true]) func aNewFileThatAnotherProcessRemovesIsMadeAgain(failsOn: Bool) throws {
    try SaveCase.with { save in
      let unlinked = try forEveryCall(save, "unlinked", failsOn: failsOn) { run, _ in
        guard failsOn else { return #expect(run.status == 0 && save.content() == .new, "\(run.errors)") }
        #expect(run.status == 73 && save.content() == .old)
        #expect(run.errors.contains(": each of 100 temporary files was locked or removed by another process\n"))
      }
      #expect(unlinked == ["fstat"])
    }
  }

  @Test func whereEveryLockIsTakenASaveEndsAndLeavesNothing() throws {
    try SaveCase.with { save in
      _ = try forEveryCall(save, "EWOULDBLOCK", failsOn: true) { run, _ in
        #expect(run.status == 73 && save.content() == .old)
        #expect(run.errors.contains(": each of 100 temporary files was locked or removed by another process\n"))
        let names = try save.names()
        #expect(Set(names).isSubset(of: ["model.safetensors", Self.leftover]))
      }
    }
  }

  /// As when a disk dies: then the temporary cannot be removed either, but the next save does it.
  @Test func whenEveryFurtherCallFailsTheOldFileStandsToo() throws {
    try SaveCase.with { save in
      _ = try forEveryCall(save, "EIO", failsOn: true) { run, call in
        let isPlaced = call == Self.folderFlush || call.hasPrefix("close") && save.content() == .new
        #expect(save.content() == (isPlaced ? .new : .old), "\(call)")
        #expect(run.status == (call.hasPrefix("close") && isPlaced ? 0 : 73), "\(call): \(run.status)")
        try expectNextSaveCleansUp(save)
      }
    }
  }

  @Test(arguments: [false, true]) func aCallThatASignalInterruptsIsTakenUpAgain(isTrial: Bool) throws {
    try SaveCase.with { save in
      let interrupted = try forEveryCall(save, "EINTR", isTrial: isTrial) { run, call in
        #expect(run.status == 0 && save.content() == .new, "\(call): \(run.errors)")
      }
      let written: Set = isTrial ? [] : ["write", "fsync", Self.folderFlush]
      #expect(interrupted.isSuperset(of: written.union(["open", "openat of a new file"])))
    }
  }

  /// An earlier save's leftover that another process removes, or this save's own temporary that one takes for a leftover.
  @Test(arguments: [false, true]) func aFileThatAnotherProcessHasLockedIsLeftToIt(isTrial: Bool) throws {
    try SaveCase.with { save in
      let locked = try forEveryCall(save, "EWOULDBLOCK", isTrial: isTrial) { run, _ in
        #expect(run.status == 0 && save.content() == .new, "\(run.errors)")
        #expect(try save.names().count <= 2)
        try expectNextSaveCleansUp(save)
      }
      #expect(locked == ["flock"])
    }
  }

  @Test(arguments: [false, true]) func aWriteOfHalfOfTheBytesGoesOn(failsOn: Bool) throws {
    try SaveCase.with { save in
      let halved = try forEveryCall(save, "short", failsOn: failsOn) { run, _ in
        #expect(run.status == 0 && save.content() == .new, "\(run.errors)")
      }
      #expect(halved == ["write"])
    }
  }

  @Test(arguments: [false, true]) func aKillAtEveryCallLeavesTheOldFileOrTheNewOneWhole(isTrial: Bool) throws {
    try SaveCase.with { save in
      let killed = try forEveryCall(save, "kill", isTrial: isTrial) { run, call in
        #expect(run.status == -SIGKILL)
        let isNew = !isTrial && call.hasSuffix(" of the folder") || call == "close" && save.content() == .new
        #expect(save.content() == (isNew ? .new : .old), "\(call)")
        #expect(try save.names().count { $0.hasPrefix(".kernelvlm-") } <= 2, "the leftover, and the one of this save")
        try expectNextSaveCleansUp(save)
      }
      #expect(isTrial || killed.isSuperset(of: Self.essential.union([Self.folderFlush])))
    }
  }

  /// The model is in the file by then, and its results are printed.
  @Test func anAccuracyThatCannotBeSavedIsSaidAndIsNoFailure() throws {
    try SaveCase.with { save in
      let library = try libraryToPreload("FailingSystemCalls", in: save.scratch)
      try save.restoreOld()
      let run = try CommandRun(
        save.arguments,
        environment: [
          "LD_PRELOAD": library, "FAULT": "EIO", "FAULT_AT": "1", "FAULT_SAVE": "3", "FAULT_TARGET": save.model,
          "FAULT_REPORT": "\(save.scratch)/report",
        ])
      #expect(run.status == 0 && save.content() == .new && run.output.contains("Spelled right: "))
      #expect(run.errors.contains("Going on without the accuracy in the file: \(save.model): could not write: "))
      #expect(try Checkpoint(path: save.model).provenance["test_correct"] == nil)
    }
  }

  /// Saves again and again, each time with another call that fails, until there are no more calls; each time over the
  /// old file, if there is one, and beside what an earlier process has left. The names of the calls.
  private func forEveryCall(
    _ save: SaveCase, _ fault: String, hasOld: Bool = true, failsOn: Bool = false, isTrial: Bool = false,
    _ body: (_ run: CommandRun, _ call: String) throws -> Void
  ) throws -> Set<String> {
    let library = try libraryToPreload("FailingSystemCalls", in: save.scratch)
    let report = "\(save.scratch)/report"
    var calls: [String] = []
    while true {
      if hasOld { try save.restoreOld() } else { try? FileManager.default.removeItem(atPath: save.model) }
      try write([1, 2, 3], to: "\(save.folder)/\(Self.leftover)")
      try? FileManager.default.removeItem(atPath: report)
      let run = try CommandRun(
        save.arguments,
        environment: [
          "LD_PRELOAD": library, "FAULT": fault, "FAULT_AT": "\(calls.count + 1)", "FAULT_ON": failsOn ? "1" : "0",
          "FAULT_SAVE": isTrial ? "1" : "2", "FAULT_TARGET": save.model, "FAULT_REPORT": report,
        ])
      guard let call = try? String(contentsOfFile: report, encoding: .utf8) else {
        #expect(run.status == 0 && save.content() == .new, "nothing failed: \(run.errors)")
        #expect(try save.names() == ["model.safetensors"])
        break
      }
      calls.append(call)
      let known = Self.essential.union(Self.dispensable).union(Self.removals).union([Self.folderFlush])
      #expect(known.contains(call), "\(call) is new")
      try body(run, call)
    }
    print(
      "System calls with \(fault)\(failsOn ? " from there on" : ""): \(calls.count), \(calls.joined(separator: ", "))")
    return Set(calls)
  }

  private func expectNextSaveCleansUp(_ save: SaveCase) throws {
    try writeAtomically(save.old, to: save.model)
    #expect(try save.names() == ["model.safetensors"])
  }
}
