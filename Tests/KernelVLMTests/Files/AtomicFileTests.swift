import Foundation
import Testing

@_spi(Command) @testable import KernelVLM
@testable import KernelVLMCore

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

/// The current folder may be gone too: another process has removed it.
@Test func aNameAloneIsOneOfTheCurrentFolder() {
  #expect(missingFolder(of: "model.safetensors") == "expected a folder ., found none")
}

@Test func whatCannotBeAFileIsRefusedWithTheSystemsReason() async throws {
  func temporariesHere() throws -> [String] {
    try names(in: FileManager.default.currentDirectoryPath).filter { $0.hasPrefix(".kernelvlm-") }
  }
  let before = try temporariesHere()
  try await withScratchFolder { folder in
    try writeAtomically([1], to: folder + "/file")
    #expect(symlink("nowhere", folder + "/dangling") == 0)
    #expect(symlink("loop", folder + "/loop") == 0)
    #expect(mkfifo(folder + "/pipe", 0o600) == 0)
    for (path, reason) in [
      (folder + "/none/file", "expected a folder \(folder)/none/, found none"),
      (folder + "/none/", "expected a file's name, found none"), ("", "expected a file's name, found none"),
      ("~/file", "expected a folder ~/, found none (a shell leaves a quoted ~ as it is)"),
      (folder + "/file/file", "Not a directory"), (folder + "/file/", "Not a directory"),
      (folder + "/dangling", "expected a file, found a symbolic link to nothing"),
      (folder + "/loop", "Too many levels of symbolic links"),
      (folder + "/" + String(repeating: "/", count: 5000), "File name too long"),
      (folder + "/" + String(repeating: "n", count: 256), "File name too long"),
      (folder, "expected a regular file, found a folder"), (folder + "/.", "expected a regular file, found a folder"),
      (folder + "/pipe", "expected a regular file, found a named pipe"),
      ("/dev/null", "expected a regular file, found a device or a socket"),
      (folder + "/file\0", "expected a path without NUL"),
    ] {
      let expected = FileError(.unwritable, path: path, "could not write: \(reason)")
      #expect(fileError { () throws(FileError) in try writeAtomically([2], to: path) } == expected)
      #expect(fileError { () throws(FileError) in try requireWritable(path) } == expected)
    }
    #expect(try names(in: folder) == ["dangling", "file", "loop", "pipe"])
    #expect(try content(folder + "/file") == [1])
    #expect(try temporariesHere() == before)
  }
}

@Test func whatCanBeWrittenIsFoundSoAndLeftAsItIs() async throws {
  try await withScratchFolder { folder in
    try writeAtomically([1], to: folder + "/file")
    #expect(symlink("file", folder + "/link") == 0)
    for name in ["file", "link", "new", String(repeating: "n", count: 255)] { try requireWritable(folder + "/" + name) }
    #expect(try names(in: folder) == ["file", "link"])
    #expect(try content(folder + "/file") == [1])
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
      let expected = FileError(.unwritable, path: path, "could not write: Permission denied")
      guard fileError({ () throws(FileError) in try requireWritable(path) }) == expected else { exit(3) }
      exit(fileError { () throws(FileError) in try writeAtomically([2], to: path) } == expected ? 0 : 2)
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
      let expected = FileError(.unwritable, path: path, "could not write: Operation not permitted")
      guard fileError({ () throws(FileError) in try requireWritable(path) }) == expected else { exit(3) }
      exit(fileError { () throws(FileError) in try writeAtomically([2], to: path) } == expected ? 0 : 2)
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

@Test func leftoversOfKilledProcessesAreRemovedAndWhatIsInUseIsNot() async throws {
  try await withScratchFolder { folder in
    let leftovers = [".kernelvlm-.tmp", ".kernelvlm-1.tmp", ".kernelvlm-2.tmp"]
    let others = [".kernelvlm-1", "kernelvlm-1.tmp", ".kernelvlm-1.tmp~", ".tmp"]
    for name in leftovers + others + [".kernelvlm-used.tmp"] { try write([1], to: folder + "/" + name) }
    let used = open(folder + "/.kernelvlm-used.tmp", O_RDONLY | O_CLOEXEC)
    #expect(flock(used, LOCK_EX) == 0)
    let kept = others + [".kernelvlm-folder.tmp", ".kernelvlm-link.tmp", ".kernelvlm-pipe.tmp"]
    #expect(mkdir(folder + "/.kernelvlm-folder.tmp", 0o755) == 0)
    #expect(symlink(".tmp", folder + "/.kernelvlm-link.tmp") == 0)
    #expect(mkfifo(folder + "/.kernelvlm-pipe.tmp", 0o600) == 0)
    try writeAtomically([1], to: folder + "/file")
    #expect(try names(in: folder) == (kept + ["file", ".kernelvlm-used.tmp"]).sorted())
    // Not by closing: a process that another test is about to start may hold a copy of it until its exec.
    #expect(flock(used, LOCK_UN) == 0)
    close(used)
    try writeAtomically([2], to: folder + "/file")
    #expect(try names(in: folder) == (kept + ["file"]).sorted())
  }
}

/// Processes that save one model after the other until they are killed at a random moment; 1,000 of them with
/// KERNELVLM_LONG=1 in the environment. Each notes what it is about to save and what it has saved, so that it is known
/// which model must be found: the one of the last save that was done, or, after a kill in the middle of one, of that.
@Test func aProcessKilledWhileSavingLeavesTheOldModelOrTheNewOneWhole() async throws {
  let kills = ProcessInfo.processInfo.environment["KERNELVLM_LONG"] == "1" ? 1000 : 20
  try await withScratchFolder { folder in
    let models = try SavedModels(in: folder)
    var moments: [String: Int] = [:]
    var leftovers: [String] = []
    var next = 1
    for _ in 0..<kills {
      let first = next
      try models.note(2 * (first - 1))
      await #expect(processExitsWith: .signal(SIGKILL)) { [folder = folder as String, first = first as Int] in
        try SavedModels.saveUntilKilled(from: first, in: folder)
      }
      let (number, isSaving) = try models.progress()
      let isNew = try models.isFound(number)
      #expect(try isNew || isSaving && models.isFound(number - 1))
      next = isNew ? number + 1 : number
      let before = leftovers
      leftovers = try names(in: folder + "/models").filter { $0 != "model" }
      #expect(leftovers.count <= 1)
      let isInUse = leftovers != before && !leftovers.isEmpty
      let moment: String
      switch (isSaving, isNew, isInUse) {
      case (false, _, _): moment = "between two saves"
      case (true, true, _): moment = "after the rename"
      case (true, false, true): moment = "with a temporary"
      case (true, false, false): moment = "before there is one"
      }
      moments[moment, default: 0] += 1
    }
    print("\(kills) processes were killed while saving, \(moments)")
    #expect(moments.keys.contains("with a temporary"))
    try writeAtomically([1], to: folder + "/models/model")
    #expect(try names(in: folder + "/models") == ["model"])
  }
}

/// A file with one of several models, and a note of which.
private struct SavedModels {
  static let count = 8
  let folder: String
  let contents: [[UInt8]]

  /// Makes the models, of different sizes too, and saves number 0.
  init(in folder: String) throws {
    self.folder = folder
    try FileManager.default.createDirectory(atPath: folder + "/models", withIntermediateDirectories: false)
    contents = try (0..<Self.count).map { seed in
      let model = try VisionLanguageModel(ModelConfiguration(), kernels: CKernels())
      model.drawParameters(seed: UInt32(seed))
      let path = "\(folder)/\(seed)"
      try Checkpoint(model, provenance: ["size": String(repeating: "x", count: 3000 * seed)]).save(path)
      return try content(path)
    }
    try write(contents[0], to: folder + "/models/model")
  }

  /// 2n - 1 before the save of model n, 2n after it.
  func note(_ progress: Int) throws {
    try write(withUnsafeBytes(of: progress) { Array($0) }, to: folder + "/progress")
  }

  /// Saves models `first`, `first` + 1, … to the file, and meanwhile kills itself.
  static func saveUntilKilled(from first: Int, in folder: String) throws {
    let contents = try (0..<count).map { try content("\(folder)/\($0)") }
    let progress = open(folder + "/progress", O_WRONLY | O_CLOEXEC)
    Thread.detachNewThread {
      usleep(.random(in: 0..<20_000))
      kill(getpid(), SIGKILL)
    }
    for number in first... {
      for note in [2 * number - 1, 2 * number] {
        withUnsafeBytes(of: note) { #expect(pwrite(progress, $0.baseAddress, $0.count, 0) == $0.count) }
        if note % 2 != 0 { try writeAtomically(contents[number % count], to: folder + "/models/model") }
      }
    }
  }

  /// The last model whose save has begun, and whether it has not ended.
  func progress() throws -> (number: Int, isSaving: Bool) {
    let note = try content(folder + "/progress").withUnsafeBytes { $0.load(as: Int.self) }
    return ((note + 1) / 2, note % 2 != 0)
  }

  /// Whether the file is model `number`, to the last byte and by strict loading.
  func isFound(_ number: Int) throws -> Bool {
    _ = try Checkpoint(path: folder + "/models/model")
    return try content(folder + "/models/model") == contents[number % Self.count]
  }
}
