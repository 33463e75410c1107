import Foundation
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

/// `train --save` where the file system refuses: status 73, the file's name, the old file as it was and no temporary.
@Suite struct SaveFailureTests {
  /// What a script needs before its `mount`s: a name space of its own, in which they are seen by nobody else and end with
  /// it.
  private static let unshare = geteuid() == 0 ? "unshare -m" : "unshare -rm"
  private static let canMount = Launching.succeeds("\(unshare) mount -t tmpfs tmpfs /mnt")
  private static let canRemount = Launching.succeeds(
    "\(unshare) sh -c 'mount -t tmpfs tmpfs /mnt && mount -o remount,ro /mnt'")
  private static let canBecomeNobody = Launching.succeeds("\(Launching.asNobody) \"$0\" --version")

  private func expectRefused(_ run: CommandRun, _ save: SaveCase, _ reason: String, at path: String? = nil) throws {
    #expect(run.status == 73 && run.output.isEmpty, "\(run.status), \(run.errors)")
    #expect(run.errors.hasSuffix("Error: \(path ?? save.model): \(reason)\n"), "\(run.errors)")
    #expect(!run.errors.contains("Saved"))
  }

  @Test(.enabled(if: !isThreadSanitized, "the thread sanitizer writes a file of its own, which the limit cuts off"))
  func aFileOverTheLimitIsRefused() throws {
    try SaveCase.with { save in
      // Blocks of 512 bytes by POSIX, of 1024 in some shells: too small for the model in both.
      // The counts of Tests/coverage are larger too, and not being able to write them is an error message.
      let run = try CommandRun(
        save.arguments, environment: ["LLVM_PROFILE_FILE": "/dev/null"], shell: "ulimit -f 100; exec \"$0\" \"$@\"")
      try expectRefused(run, save, "could not write: File too large")
      try expectOldAlone(save, in: save.folder)
    }
  }

  /// On a file system that has room for the old model and for half of the new one.
  @Test(.enabled(if: canMount, "needs the right to mount")) func aFullDiskIsAnError() throws {
    try SaveCase.with { save in
      let run = try runOnFileSystem(save, "size=600k", "\"$0\" \"$@\"")
      try expectRefused(run, save, "could not write: No space left on device")
      try expectOldAlone(save, in: "\(save.scratch)/after")
    }
  }

  @Test(.enabled(if: canMount, "needs the right to mount")) func aFullTableOfFilesIsRefusedBeforeTheTraining() throws {
    try SaveCase.with { save in
      let run = try runOnFileSystem(save, "size=1m,nr_inodes=2", "\"$0\" \"$@\"")
      try expectRefused(run, save, "could not write: No space left on device")
      #expect(!run.errors.contains("step "))
      try expectOldAlone(save, in: "\(save.scratch)/after")
    }
  }

  @Test(.enabled(if: canMount, "needs the right to mount"))
  func aFileThatIsMountedByItselfIsRefusedBeforeTheTraining() throws {
    try SaveCase.with { save in
      let odd = "\(save.folder)/an odd\\name"
      let run = try runOnFileSystem(
        save, "size=1m", "touch '\(odd)'; mount --bind '\(odd)' '\(odd)'; \"$0\" \"$@\" --save '\(odd)'")
      try expectRefused(run, save, "could not write: Device or resource busy", at: odd)
      #expect(!run.errors.contains("step "))
    }
  }

  @Test(.enabled(if: canRemount, "needs the right to mount"))
  func aReadOnlyFileSystemIsRefusedBeforeTheTraining() throws {
    try SaveCase.with { save in
      let run = try runOnFileSystem(save, "size=1m", "mount -o remount,ro '\(save.folder)'; \"$0\" \"$@\"")
      try expectRefused(run, save, "could not write: Read-only file system")
      #expect(!run.errors.contains("step "))
      try expectOldAlone(save, in: "\(save.scratch)/after")
    }
  }

  @Test(.enabled(if: canRemount, "needs the right to mount")) func aFileSystemThatTurnsReadOnlyIsAnError() throws {
    try SaveCase.with { save in
      let change = "mount -o remount,ro '\(save.folder)'"
      let run = try runOnFileSystem(save, "size=1m", Self.training(whileItRuns: change))
      try expectRefused(run, save, "could not write: Read-only file system")
      try expectOldAlone(save, in: "\(save.scratch)/after")
    }
  }

  @Test func aFolderThatIsMissingIsRefusedBeforeTheTraining() throws {
    try SaveCase.with { save in
      let path = "\(save.folder)/none/model"
      let run = try CommandRun(save.arguments + ["--save", path])
      try expectRefused(run, save, "could not write: expected a folder \(save.folder)/none/, found none", at: path)
      #expect(!run.errors.contains("step "))
      try expectOldAlone(save, in: save.folder)
    }
  }

  @Test func aFolderThatVanishesIsAnError() throws {
    try SaveCase.with { save in
      let change = "mv '\(save.folder)' '\(save.folder)-moved'"
      let run = try CommandRun(save.arguments, shell: Self.training(whileItRuns: change))
      try expectRefused(run, save, "could not write: expected a folder \(save.folder)/, found none")
      try expectOldAlone(save, in: "\(save.folder)-moved")
    }
  }

  @Test(.enabled(if: canBecomeNobody, "another user cannot run the command where it is built"))
  func aFolderThatMayNotBeWrittenIsRefusedBeforeTheTraining() throws {
    try SaveCase.with { save in
      let run = try CommandRun(save.arguments, shell: "chmod 555 '\(save.folder)'; \(Launching.asNobody) \"$0\" \"$@\"")
      try expectRefused(run, save, "could not write: Permission denied")
      #expect(!run.errors.contains("step "))
      try expectOldAlone(save, in: save.folder)
      #expect(chmod(save.folder, 0o755) == 0)
    }
  }

  @Test(.enabled(if: canBecomeNobody, "another user cannot run the command where it is built"))
  func aFolderThatMayNoLongerBeWrittenIsAnError() throws {
    try SaveCase.with { save in
      try #require(chmod(save.folder, 0o777) == 0)
      let script = Self.training(Launching.asNobody, whileItRuns: "chmod 555 '\(save.folder)'")
      let run = try CommandRun(save.arguments, shell: script)
      try expectRefused(run, save, "could not write: Permission denied")
      try expectOldAlone(save, in: save.folder)
      #expect(chmod(save.folder, 0o755) == 0)
    }
  }

  /// A save on the way that fails stops nothing: one line for those that fail one after the other, and the next that can
  /// be done is.
  @Test func aTrainingOutlastsSavesThatFail() throws {
    try SaveCase.with { save in
      // Three more log lines are at least 200 steps, so 20 saves.
      let change = """
        steps() { grep -c '^step ' "$log"; }
        goes_on() {
          enough=$(($(steps) + 3))
          until test "$(steps)" -ge "$enough" || ! kill -0 $!; do sleep 0.02; done
        }
        for time in 1 2; do
          mv '\(save.folder)' '\(save.folder)-moved'
          goes_on
          mv '\(save.folder)-moved' '\(save.folder)'
          goes_on
        done
        """
      let run = try CommandRun(save.arguments + ["--save-every", "10"], shell: Self.training(whileItRuns: change))
      #expect(run.status == 128 + SIGTERM && run.output.isEmpty, "\(run.status), \(run.errors)")
      let notes = run.errors.split(separator: "\n").filter { $0.hasPrefix("Going on without a save after ") }
      #expect(notes.count == 2 && notes.allSatisfy { $0.contains(": \(save.model): ") }, "\(run.errors)")
      #expect(run.errors.contains("Saved"))
      _ = try Checkpoint(path: save.model)
      #expect(try save.names() == ["model.safetensors"])
    }
  }

  /// A script that trains until `change` is done after some steps, and then has it saved by a signal.
  private static func training(_ launcher: String = "", whileItRuns change: String) -> String {
    """
    log=$(mktemp)
    \(launcher) "$0" "$@" --steps 100000000 2> "$log" &
    until grep -q 'step   100/' "$log" || ! kill -0 $!; do sleep 0.02; done
    \(change)
    kill -TERM $!
    wait $!
    status=$?
    cat "$log" >&2
    rm "$log"
    exit $status
    """
  }

  /// Runs a script with a small file system mounted at the model's folder, which has the old model in it; copies what is
  /// there afterwards to the folder `after`.
  private func runOnFileSystem(_ save: SaveCase, _ options: String, _ script: String) throws -> CommandRun {
    let mounted = """
      mount -t tmpfs -o \(options) tmpfs '\(save.folder)'
      cp '\(save.scratch)/old' '\(save.model)'
      (
      \(script)
      )
      status=$?
      cp -R '\(save.folder)' '\(save.scratch)/after'
      exit $status
      """
    try write(save.old, to: "\(save.scratch)/old")
    try write(Array(mounted.utf8), to: "\(save.scratch)/script")
    return try CommandRun(
      save.arguments, shell: "exec \(Self.unshare) sh -c \"$(cat '\(save.scratch)/script')\" \"$0\" \"$@\"")
  }

  private func expectOldAlone(_ save: SaveCase, in folder: String) throws {
    #expect(save.content("\(folder)/model.safetensors") == .old)
    #expect(try names(in: folder) == ["model.safetensors"])
  }
}
