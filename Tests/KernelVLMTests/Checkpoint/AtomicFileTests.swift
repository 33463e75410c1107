import Foundation
import Testing

@testable import KernelVLM

private func mode(_ path: String) -> mode_t {
  var status = stat()
  return lstat(path, &status) == 0 ? status.st_mode : 0
}

private func content(_ path: String) throws -> [UInt8] { try readFile(at: path, sizeLimit: 1 << 24) }

@Test func aNewFileHoldsTheBytesAndNothingElseIsLeft() async throws {
  try await withScratchFolder { folder in
    for bytes in [[], [7], [UInt8](repeating: 9, count: 3 << 20)] as [[UInt8]] {
      try writeAtomically(bytes, to: folder + "/file")
      #expect(try content(folder + "/file") == bytes)
      #expect(try names(in: folder) == ["file"])
    }
    let mask = umask(0)
    umask(mask)
    #expect(mode(folder + "/file") == S_IFREG | (0o644 & ~mask))
  }
}

@Test func aNameAsLongAsTheSystemAllowsCanBeWritten() async throws {
  try await withScratchFolder { folder in
    let name = String(repeating: "n", count: 255)
    try writeAtomically([1], to: folder + "/" + name)
    #expect(try names(in: folder) == [name])
  }
}

@Test func aSymbolicLinkStaysAndItsTargetIsReplaced() async throws {
  try await withScratchFolder { folder in
    try FileManager.default.createDirectory(atPath: folder + "/real", withIntermediateDirectories: false)
    try writeAtomically([1], to: folder + "/real/file")
    #expect(symlink("real/file", folder + "/link") == 0)
    try writeAtomically([2], to: folder + "/link")
    #expect(mode(folder + "/link") & S_IFMT == S_IFLNK)
    #expect(try content(folder + "/real/file") == [2])
    #expect(try names(in: folder + "/real") == ["file"])
  }
}

@Test func whatCannotBeAFileIsRefusedWithTheSystemsReason() async throws {
  func temporariesHere() throws -> [String] {
    try names(in: FileManager.default.currentDirectoryPath).filter { $0.hasPrefix(".kernelvlm-") }
  }
  let before = try temporariesHere()
  try await withScratchFolder { folder in
    try writeAtomically([1], to: folder + "/file")
    #expect(symlink("nowhere", folder + "/dangling") == 0)
    #expect(mkfifo(folder + "/pipe", 0o600) == 0)
    for (path, reason) in [
      (folder + "/none/file", "No such file or directory"), (folder + "/none/", "No such file or directory"),
      (folder + "/file/file", "Not a directory"), (folder + "/file/", "Not a directory"),
      (folder + "/dangling", "No such file or directory"), ("", "No such file or directory"),
      (folder + "/" + String(repeating: "n", count: 256), "File name too long"),
      (folder, "expected a regular file, found a folder"), (folder + "/.", "expected a regular file, found a folder"),
      (folder + "/pipe", "expected a regular file, found a named pipe"),
      ("/dev/null", "expected a regular file, found a device or a socket"),
      (folder + "/file\0", "expected a path without NUL"),
    ] {
      let error = fileError { () throws(FileError) in try writeAtomically([2], to: path) }
      #expect(error == FileError(.unwritable, path: path, "could not write: \(reason)"))
    }
    #expect(try names(in: folder) == ["dangling", "file", "pipe"])
    #expect(try content(folder + "/file") == [1])
    #expect(try temporariesHere() == before)
  }
}

@Test func theOldFileStandsWhenTheNewOneDoesNotFit() async throws {
  try await withScratchFolder { folder in
    try writeAtomically([1], to: folder + "/file")
    await #expect(processExitsWith: .success) { [folder = folder as String] in
      var limit = rlimit(rlim_cur: 1 << 20, rlim_max: 1 << 20)
      signal(SIGXFSZ, SIG_IGN)
      guard setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0 else { exit(1) }
      let path = folder + "/file"
      let error = fileError { () throws(FileError) in
        try writeAtomically([UInt8](repeating: 2, count: 2 << 20), to: path)
      }
      exit(error == FileError(.unwritable, path: path, "could not write: File too large") ? 0 : 2)
    }
    #expect(try names(in: folder) == ["file"])
    #expect(try content(folder + "/file") == [1])
  }
}

@Test func aFolderWithoutPermissionIsRefused() async throws {
  try await withScratchFolder { folder in
    try writeAtomically([1], to: folder + "/file")
    await #expect(processExitsWith: .success) { [folder = folder as String] in
      guard chmod(folder, 0o555) == 0, geteuid() != 0 || seteuid(65534) == 0 else { exit(1) }
      let path = folder + "/file"
      let error = fileError { () throws(FileError) in try writeAtomically([2], to: path) }
      exit(error == FileError(.unwritable, path: path, "could not write: Permission denied") ? 0 : 2)
    }
    #expect(chmod(folder, 0o755) == 0)
    #expect(try names(in: folder) == ["file"])
    #expect(try content(folder + "/file") == [1])
  }
}

/// In a sticky folder everybody may make files but not replace another user's.
@Test(.enabled(if: geteuid() == 0, "needs the right to become another user"))
func theTemporaryIsRemovedWhenTheRenameFails() async throws {
  try await withScratchFolder { folder in
    try writeAtomically([1], to: folder + "/file")
    await #expect(processExitsWith: .success) { [folder = folder as String] in
      guard chmod(folder, 0o1777) == 0, seteuid(65534) == 0 else { exit(1) }
      let path = folder + "/file"
      let error = fileError { () throws(FileError) in try writeAtomically([2], to: path) }
      exit(error == FileError(.unwritable, path: path, "could not write: Operation not permitted") ? 0 : 2)
    }
    #expect(try names(in: folder) == ["file"])
    #expect(try content(folder + "/file") == [1])
  }
}

@Test func concurrentWritersLeaveOneWholeFileAtEveryMoment() async throws {
  try await withScratchFolder { folder in
    let path = folder + "/file"
    func whole(_ writer: UInt8) -> [UInt8] { [UInt8](repeating: writer, count: 10_000 + 1_000 * Int(writer)) }
    try writeAtomically(whole(0), to: path)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for writer in UInt8(0)..<4 {
        group.addTask {
          for _ in 0..<25 {
            try writeAtomically(whole(writer), to: path)
            let read = try content(path)
            #expect(read.first.map(whole) == read)
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(try names(in: folder) == ["file"])
  }
}

/// The process is killed by the system in the middle of a save, many times; what a reader finds is always whole.
@Test func aProcessKilledWhileSavingLeavesAWholeFile() async throws {
  try await withScratchFolder { folder in
    let path = folder + "/file"
    try writeAtomically([UInt8](repeating: 0, count: 1 << 20), to: path)
    for microseconds in [200, 1_000, 3_000, 10_000] as [Int] {
      await #expect(processExitsWith: .signal(SIGALRM)) { [path = path as String, microseconds = microseconds as Int] in
        signal(SIGALRM, SIG_DFL)
        var timer = itimerval(it_interval: timeval(), it_value: timeval(tv_sec: 0, tv_usec: microseconds))
        guard setitimer(__itimer_which_t(ITIMER_REAL.rawValue), &timer, nil) == 0 else { exit(1) }
        for value in UInt8.min...UInt8.max {
          try? writeAtomically([UInt8](repeating: value, count: 1 << 20), to: path)
        }
      }
      let read = try content(path)
      #expect(read.count == 1 << 20 && Set(read).count == 1)
    }
  }
}
