import Foundation
import Synchronization
import Testing

@testable import KernelVLM

/// Every bad file, read by the command. `KERNELVLM_BAD_FILES=FOLDER` keeps them in that folder, with a table.
struct BadFilesTests {
  @Test func badFilesHaveDifferentNamesAndAreAtLeast300() {
    let names = BadFile.groups.flatMap { group in group.files.map(\.testDescription) }
    #expect(names.count >= 300)
    #expect(Set(names).count == names.count)
  }

  @Test(arguments: BadFile.groups.indices)
  func everyBadFileIsRefusedInOneLineThatNamesIt(index: Int) throws {
    let group = BadFile.groups[index]
    var statuses: [Int32: Int] = [:]
    var greatest = (excess: 0, name: "none")
    try withTemporaryFolder { scratch in
      let library = isSanitized ? nil : try libraryToPreload("PeakMemory", in: scratch)
      try BadFile.makeGoodData(in: "\(scratch)/good")
      let good = try MeasuredRun(["data", "info", "--data", "\(scratch)/good"], library, scratch)
      try #require(good.run.status == 0, "\(good.run.errors)")

      for file in group.files where library != nil || !file.isUnreadable {
        let folder = try Self.folder(for: file, group.name) ?? "\(scratch)/file"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let (path, arguments) = try file.make(in: folder)
        let bad = try MeasuredRun(arguments, library, scratch, isUnprivileged: file.isUnreadable)
        check(bad.run, file, path)
        let excess = bad.peak - good.peak - file.byteCount
        let values = GzipReader.isGzip(file.bytes) ? 8 * file.byteCount : 0
        #expect(excess < max(16 << 20, values), "\(file.testDescription): \(excess) bytes more than its size")
        if excess > greatest.excess { greatest = (excess, file.testDescription) }
        statuses[bad.run.status, default: 0] += 1
        try? FileManager.default.removeItem(atPath: "\(scratch)/file")
      }
    }
    let counts = statuses.sorted { $0.key < $1.key }.map { "\($0.value) with status \($0.key)" }.joined(separator: ", ")
    let memory = "at most \(greatest.excess >> 10) KiB beyond its size (\(greatest.name))"
    print("Bad files, \(group.name): \(group.files.count), \(counts); memory \(memory)")
  }

  private func check(_ run: CommandRun, _ file: BadFile, _ path: String) {
    let found = "\(file.testDescription): \(run.status), \(run.output), \(run.errors)"
    #expect(run.status == file.status, "\(found)")
    #expect(run.output.isEmpty, "\(found)")
    #expect(run.errors.hasPrefix("Error: \(path)") && run.errors.hasSuffix("\n"), "\(found)")
    #expect(run.errors.count { $0.isNewline } == 1 && run.errors.utf8.count < 600, "\(found)")
    #expect(run.errors.contains(file.problem), "\(found)")
  }

  /// Where `file` is to be kept, if so; its line is added to the table there.
  private static func folder(for file: BadFile, _ group: String) throws -> String? {
    guard let root = ProcessInfo.processInfo.environment["KERNELVLM_BAD_FILES"] else { return nil }
    let name = String(file.testDescription.map { $0.isLetter || $0.isNumber ? $0 : "-" })
    let line = "\(group)/\(name)\t\(file.status)\t\(file.problem)\n"
    try table.withLock {
      $0 += line
      try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
      try write(Array($0.utf8), to: "\(root)/table.tsv")
    }
    return "\(root)/\(group)/\(name)"
  }

  private static let table = Mutex("file\texit status\tin the error\n")
}

/// A run of the command, and how much memory it had.
private struct MeasuredRun {
  let run: CommandRun
  /// The most it ever had, in bytes; 0 without `library`, the one to preload that measures it.
  let peak: Int

  init(_ arguments: [String], _ library: String?, _ scratch: String, isUnprivileged: Bool = false) throws {
    guard let library else {
      run = try CommandRun(arguments)
      peak = 0
      return
    }
    let report = "\(scratch)/peak"
    var environment = ["LD_PRELOAD": library, "PEAK_REPORT": report]
    if isUnprivileged { environment["UNPRIVILEGED"] = "1" }
    run = try CommandRun(arguments, environment: environment)
    let text = try String(contentsOfFile: report, encoding: .utf8)
    peak = try #require(Int(text), "\(text)") << 10
  }
}
