import Foundation
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

/// `train --log`: what is there is written to and never replaced.
@Suite struct LogTests {
  private static let arguments = ["train", "--data", "drawn", "--steps", "200", "--log"]

  /// The steps of a log in which every line is a log line.
  static func steps(_ path: String) throws -> [Int] {
    try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map { try step(in: $0) }
  }

  private static func step(in line: Substring) throws -> Int {
    let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
    return try #require(object?["step"] as? Int, "\(line)")
  }

  private func status(_ path: String) -> stat {
    var status = stat()
    #expect(lstat(path, &status) == 0)
    return status
  }

  @Test func aFileIsEmptiedAndStaysWhatItIsThroughItsLinks() throws {
    try withTemporaryFolder { folder in
      let file = "\(folder)/file"
      try write([UInt8](repeating: 10, count: 500), to: file)
      #expect(chmod(file, 0o600) == 0)
      #expect(link(file, "\(folder)/hard") == 0 && symlink("hard", "\(folder)/soft") == 0)
      let before = status(file)
      let run = try CommandRun(Self.arguments + ["\(folder)/soft"])
      #expect(run.status == 0, "\(run.errors)")
      #expect(try Self.steps(file) == [100, 200])
      #expect(status(file).st_ino == before.st_ino && status(file).st_mode == before.st_mode)
      #expect(status(file).st_nlink == 2 && status("\(folder)/soft").st_mode & S_IFMT == S_IFLNK)
    }
  }

  @Test func aNamedPipeIsWrittenToIfSomebodyReadsIt() throws {
    try withTemporaryFolder { folder in
      let (pipe, got) = ("\(folder)/pipe", "\(folder)/got")
      #expect(mkfifo(pipe, 0o600) == 0)
      let alone = try CommandRun(Self.arguments + [pipe])
      #expect(alone.status == 73 && alone.errors == "Error: \(pipe): could not write: nobody reads this named pipe\n")
      // Opened to be read and written, it is open before the command looks.
      let run = try CommandRun(
        Self.arguments + [pipe], shell: "exec 3<> '\(pipe)'; \"$0\" \"$@\" || exit; head -n 2 <&3 > '\(got)'")
      #expect(run.status == 0, "\(run.errors)")
      #expect(try Self.steps(got) == [100, 200])
    }
  }

  @Test(.enabled(if: geteuid() == 0, "needs the right to make a device")) func aDeviceStaysOne() throws {
    try withTemporaryFolder { folder in
      let (null, full) = ("\(folder)/null", "\(folder)/full")
      for (path, minor) in [(null, 3), (full, 7)] as [(String, dev_t)] {
        try #require(mknod(path, S_IFCHR | 0o666, 1 << 8 | minor) == 0)
      }
      #expect(try CommandRun(Self.arguments + [null]).status == 0)
      let run = try CommandRun(Self.arguments + [full])
      #expect(run.status == 73 && run.errors == "Error: \(full): could not write: No space left on device\n")
      for path in [null, full] { #expect(status(path).st_mode & S_IFMT == S_IFCHR) }
    }
  }

  @Test func aPlaceThatTakesNoLogIsRefusedBeforeTheTraining() throws {
    try withTemporaryFolder { folder in
      #expect(symlink("nowhere", "\(folder)/dangling") == 0 && symlink("loop", "\(folder)/loop") == 0)
      for (path, reason) in [
        ("", "expected a file's name, found none"), ("\(folder)/new/", "Is a directory"), (folder, "Is a directory"),
        ("\(folder)/dangling", "expected a file, found a symbolic link to nothing"),
        ("\(folder)/loop", "Too many levels of symbolic links"),
        ("\(folder)/none/log", "expected a folder \(folder)/none/, found none"),
        ("~/log", "expected a folder ~/, found none (a shell leaves a quoted ~ as it is)"),
        ("\(folder)/" + String(repeating: "n", count: 256), "File name too long"),
      ] {
        let run = try CommandRun(Self.arguments + [path])
        let shown = path.isEmpty ? "\"\"" : path
        #expect(run.status == 73 && run.errors == "Error: \(shown): could not write: \(reason)\n", "\(run.errors)")
      }
      #expect(try names(in: folder) == ["dangling", "loop"])
    }
  }

  /// After SIGKILL the steps since the last save come again; in the log they stand once, and what is not the log's stays.
  @Test func aResumedTrainingCutsItsLogAtTheStepWhereItGoesOn() throws {
    try ResumeCommandTests.withSmallData { folder in
      let (model, log) = ("\(folder)/model", "\(folder)/log")
      let fresh = ["train", "--data", folder, "--steps"]
      #expect(try CommandRun(fresh + ["400", "--log", log]).status == 0)
      let whole = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n")
      #expect(try CommandRun(fresh + ["250", "--save", model]).status == 0)
      let killed = [whole[0], "# a note", whole[1], "", whole[2], "{\"step\":999}", whole[3], "# another", "{\"ste"]
      try write(Array(killed.joined(separator: "\n").utf8), to: log)
      let inode = status(log).st_ino

      let run = try CommandRun("train", "--data", folder, "--resume", model, "--steps", "500", "--log", log)
      #expect(run.status == 0, "\(run.errors)")
      let lines = try String(contentsOfFile: log, encoding: .utf8)
        .split(separator: "\n", omittingEmptySubsequences: false)
      #expect(lines.prefix(7) == [whole[0], "# a note", whole[1], "", "{\"step\":999}", "# another", "{\"ste"])
      #expect(try lines.dropFirst(7).dropLast().map(Self.step) == [300, 400, 500])
      #expect(lines.last == "" && status(log).st_ino == inode)
    }
  }

  @Test func aLogWithNothingToCutIsAppendedTo() throws {
    try ResumeCommandTests.withSmallData { folder in
      let (model, log) = ("\(folder)/model", "\(folder)/log")
      #expect(
        try CommandRun("train", "--data", folder, "--steps", "150", "--save", model, "--log", log).status == 0)
      let before = try String(contentsOfFile: log, encoding: .utf8)
      try write(Array((before + "{\"step\":").utf8), to: log)
      let run = try CommandRun("train", "--data", folder, "--resume", model, "--steps", "300", "--log", log)
      #expect(run.status == 0)
      let after = try String(contentsOfFile: log, encoding: .utf8)
      #expect(after.hasPrefix(before + "{\"step\":\n{"))
      #expect(after.hasSuffix("}\n") && after.filter { $0 == "\n" }.count == 5)
    }
  }
}
