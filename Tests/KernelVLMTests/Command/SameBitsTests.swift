import CVLMKernels
import Foundation
import KernelVLM
import Testing

/// The weights that the command trains do not depend on the number of threads, nor on the run.
@Suite struct SameBitsTests {
  /// Batches of 1, 2, 7 and 8 blocks, of which the third's are unequal.
  static let batches = [1, 32, 100, 128]
  static let threads = [1, 2, 3, 4, 8]
  static let presets: [Preset] = [.exact, .published, .augmented, .lean]

  @Test(arguments: InstructionSet.available, presets)
  func anyNumberOfThreadsGivesTheSameWeights(instructionSet: InstructionSet, preset: Preset) throws {
    let (runs, steps) = runsLongTests ? (10, 100) : (1, 5)
    try ResumeCommandTests.withSmallData { folder in
      for batch in Self.batches {
        let arguments = [
          "train", "--data", folder, "--steps", "\(steps)", "--batch", "\(batch)", "--order", "shuffled",
          "--isa", instructionSet.rawValue, "--preset", preset.rawValue, "--json",
        ]
        // With no number given it tries several.
        var hashes = Set([try hash(of: try CommandRun(arguments).json())])
        for threads in Self.threads.flatMap({ repeatElement($0, count: runs) }) {
          let result = try CommandRun(arguments + ["--threads", "\(threads)"]).json()
          #expect(result["threads"] as? Int == threads)
          #expect(result["isa"] as? String == instructionSet.rawValue)
          hashes.insert(try hash(of: result))
        }
        #expect(hashes.count == 1, "\(instructionSet), \(preset), batch \(batch): \(hashes)")
        if runsLongTests {
          print("\(instructionSet), \(preset), batch \(batch): \(Self.threads.count * runs) runs, \(hashes)")
        }
      }
    }
  }

  private func hash(of result: [String: Any]) throws -> String {
    try #require(result["weights_sha256"] as? String)
  }

  /// The threads that were asked for do work, though there be fewer cores: each has used processor time.
  @Test(.enabled(if: vlm_has_openmp() == 1, "built without OpenMP"), arguments: [2, 3, 4, 8])
  func asManyThreadsWorkAsAreAskedFor(threads: Int) throws {
    try ResumeCommandTests.withSmallData { folder in
      let process = Process()
      process.executableURL = CommandRun.executable
      process.arguments = [
        "train", "--data", folder, "--steps", "1000000", "--batch", "256", "--threads", "\(threads)", "--json",
      ]
      process.standardOutput = FileHandle.nullDevice
      process.standardError = FileHandle.nullDevice
      try process.run()
      defer { kill(process.processIdentifier, SIGKILL) }
      // A million steps are hours: it ends when the threads are seen, or after a minute of processor time.
      var ticks: [Int] = []
      repeat {
        usleep(20_000)
        ticks = try Self.processorTicks(of: process.processIdentifier).filter { $0 > 0 }
      } while ticks.count < threads && ticks.reduce(0, +) < 6000 && process.isRunning
      #expect(ticks.count == threads)
    }
  }

  /// Processor time of each thread of a process, in hundredths of a second: fields 14 and 15 of /proc/PID/task/TID/stat.
  private static func processorTicks(of process: Int32) throws -> [Int] {
    let folder = "/proc/\(process)/task"
    return try FileManager.default.contentsOfDirectory(atPath: folder).map { thread in
      guard let stat = try? String(contentsOfFile: "\(folder)/\(thread)/stat", encoding: .utf8) else { return 0 }
      // The second field is a name in parentheses, which may hold spaces.
      let fields = stat[(stat.lastIndex(of: ")") ?? stat.startIndex)...].split(separator: " ")
      return fields[12...13].reduce(0) { $0 + (Int($1) ?? 0) }
    }
  }
}
