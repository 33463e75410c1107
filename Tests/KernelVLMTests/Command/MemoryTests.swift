import Foundation
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

/// The command where there is too little memory: an error and status 71, or success, but never a crash.
@Suite(.enabled(if: !isSanitized, "sanitizers bring an allocator of their own"))
struct MemoryTests {
  /// What is run, with the paths of a model, a folder with data and a folder to write to, and what of it must have failed.
  static let commands:
    [(fails: [String], arguments: @Sendable (_ model: String, _ data: String, _ scratch: String) -> [String])] = [
      (["libz malloc", "program mmap"], { model, data, _ in ["evaluate", model, "--data", data, "--json"] }),
      (
        ["libz malloc", "program mmap"],
        { model, data, _ in ["see", model, "--data", data, "--backend", "reference", "--precision", "double"] }
      ),
      (["libz malloc", "program mmap"], { _, data, _ in ["data", "info", "--data", data] }),
      (
        ["libz malloc", "program mmap"],
        { _, data, scratch in
          ["train", "--data", data, "--steps", "2", "--batch", "40", "--threads", "2", "--save", scratch + "/saved"]
        }
      ),
      // libpng takes its memory by the program's own function.
      (
        ["program calloc", "program mmap"],
        { model, _, _ in ["see", model, "--whole", PictureFixture.folder + "/palette-8-interlaced.png"] }
      ),
      (
        ["libturbojpeg malloc", "program mmap"],
        { model, _, _ in ["see", model, "--whole", PictureFixture.folder + "/progressive.jpg"] }
      ),
    ]

  /// Every allocation of the program's own code, of zlib, of TurboJPEG and of libcrypto fails in turn; then every one and all after it.
  @Test(arguments: commands.indices, [false, true])
  func everyAllocationThatCanBeCheckedFailsWithAnError(command: Int, failsOn: Bool) throws {
    try withModelAndData { model, data, folder in
      let library = try libraryToPreload("FailingAllocations", in: folder)
      let arguments = Self.commands[command].arguments(model, data, folder)
      var failed: [String: Int] = [:]
      while true {
        let report = "\(folder)/report"
        try? FileManager.default.removeItem(atPath: report)
        let number = failed.values.reduce(1, +)
        let run = try CommandRun(
          arguments,
          environment: [
            "LD_PRELOAD": library, "FAIL_AT": "\(number)", "FAIL_ON": failsOn ? "1" : "0", "FAIL_REPORT": report,
          ])
        guard let text = try? String(contentsOfFile: report, encoding: .utf8) else {
          #expect(run.status == 0, "nothing failed: \(run.errors)")
          break
        }
        let words = text.split(separator: " ")
        failed["\(words[0]) \(words[1])", default: 0] += 1
        // libjpeg asks again, for less.
        if words[0] == "libturbojpeg" && !failsOn && run.status == 0 { continue }
        #expect(run.status == 71, "\(number), \(text): \(run.status), \(run.errors)")
        #expect(run.errors.contains(/Error: .*expected [0-9]+ bytes of memory, found too little\n/), "\(run.errors)")
        #expect(run.output.isEmpty)
      }
      let counts = failed.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
      print("Allocations that failed in turn, \(arguments[0]): \(counts)")
      #expect(Self.commands[command].fails.allSatisfy { failed.keys.contains($0) })
      // Or the way in which it is hashed has changed, and its errors need a look.
      #expect(!failed.keys.contains { $0.hasPrefix("libcrypto") })
    }
  }

  /// From where the program cannot even be loaded to where there is enough. With one thread, since OpenMP does not check
  /// what it allocates for others.
  @Test func anyLimitOfMemoryGivesAnErrorOrSuccess() throws {
    let step = ProcessInfo.processInfo.environment["KERNELVLM_LIMIT_STEP"].flatMap { Int($0) } ?? 40
    try withModelAndData { model, _, folder in
      try writeBlankImages(count: 60_000, folder)
      var statuses: [Int32: Int] = [:]
      for limit in stride(from: 80, through: 400, by: step) {
        let run = try CommandRun(
          ["evaluate", model, "--data", folder, "--threads", "1", "--json"], addressSpace: limit)
        statuses[run.status, default: 0] += 1
        // 127: the libraries could not be loaded.
        #expect([0, 71, 127].contains(run.status), "\(limit) MiB: \(run.status), \(run.errors)")
        #expect(run.status != 71 || run.errors.contains(" bytes of memory, found too little"))
      }
      print("Runs by exit status, 80 to 400 MiB in steps of \(step): \(statuses)")
      #expect(statuses[0] != nil && statuses[71] != nil)
    }
  }

  /// A well-formed file of 1 GiB, most of it a hole.
  @Test func aFileLargerThanTheMemoryIsRefusedUnread() throws {
    try withModelAndData { model, _, folder in
      try writeBlankImages(count: (1 << 30) / 784, folder)
      let run = try CommandRun(["evaluate", model, "--data", folder], addressSpace: 600)
      #expect(run.status == 71)
      #expect(run.errors.contains("t10k-images-idx3-ubyte: expected 1073741328 bytes of memory, found too little"))
    }
  }

  @Test func aModelLargerThanTheMemoryIsAnError() throws {
    try withModelAndData { _, data, _ in
      let run = try CommandRun("train", "--data", data, "--width", "4096", "--layers", "256", "--mlp-ratio", "64")
      #expect(run.status == 71 && run.output.isEmpty)
      #expect(run.errors.contains(/Error: expected [0-9]{12,} bytes of memory, found too little/))
    }
  }

  /// A trained model, and small data both raw and gzip.
  private func withModelAndData(_ body: (_ model: String, _ data: String, _ folder: String) throws -> Void) throws {
    try withTemporaryFolder { folder in
      let data = "\(folder)/data"
      try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: false)
      for file in MNIST.files {
        let dimensions = file.rank == 1 ? [40] : [40, 28, 28]
        let count = dimensions.reduce(1, *)
        let content = idxFile(dimensions, (0..<count).map { UInt8($0 * 37 % (file.rank == 1 ? 10 : 256)) })
        let isRaw = file.name.hasPrefix("train")
        try write(isRaw ? content : storedGzip(content), to: file.path(in: data) + (isRaw ? "" : ".gz"))
      }
      let model = "\(folder)/model"
      try #require(try CommandRun("train", "--data", data, "--steps", "1", "--save", model).status == 0)
      try body(model, data, folder)
    }
  }

  /// MNIST's four files with `count` black images of label 0 each, which take no room on the disk.
  private func writeBlankImages(count: Int, _ folder: String) throws {
    for file in MNIST.files {
      let dimensions = file.rank == 1 ? [count] : [count, 28, 28]
      try write(idxFile(dimensions, []), to: file.path(in: folder))
      #expect(truncate(file.path(in: folder), 4 + 4 * file.rank + dimensions.reduce(1, *)) == 0)
    }
  }
}
