import Foundation
import KernelVLM
import Testing

/// Where threads are not to be had, or no more than a few, nothing is lost: the work takes fewer, or does not begin.
@Suite struct ThreadLimitTests {
  private static let training = [
    "train", "--data", "drawn", "--steps", "20", "--batch", "100", "--threads", "4", "--json",
  ]

  /// Runs where no more than `most` threads exist at a time, besides the first.
  private func run(_ arguments: [String], most: Int) throws -> CommandRun {
    try withTemporaryFolder { folder in
      let library = try libraryToPreload("FailingThreads", in: folder)
      return try CommandRun(arguments, environment: ["LD_PRELOAD": library, "MOST_THREADS": "\(most)"])
    }
  }

  /// Of three others that are wanted there are none, one or two: half of them are taken.
  @Test(
    .enabled(if: !isSanitized, "a sanitizer comes before what is preloaded"),
    arguments: [(0, 1), (1, 1), (2, 2), (3, 4)])
  func aTrainingTakesAsManyThreadsAsThereAre(most: Int, threads: Int) throws {
    let free = try CommandRun(Self.training).json()
    let run = try run(Self.training, most: most)
    #expect(run.status == 0, "\(run.errors)")
    let result = try run.json()
    #expect(result["threads"] as? Int == threads)
    #expect(result["weights_sha256"] as? String == free["weights_sha256"] as? String)
    #expect(run.errors.contains("instead of 4") == (threads < 4))
  }

  @Test(.enabled(if: !isSanitized, "a sanitizer comes before what is preloaded"))
  func allCommandsDoWithoutThreads() throws {
    try withTemporaryFolder { folder in
      let model = "\(folder)/model.safetensors"
      let commands = [
        ["train", "--data", "drawn", "--steps", "2", "--threads", "3", "--save", model, "--backend", "reference"],
        ["train", "--data", "drawn", "--steps", "2", "--save", model],
        ["evaluate", model, "--data", "drawn", "--threads", "3"],
        ["see", model, "--data", "drawn"],
        ["ablate", "--data", "drawn", "--steps", "2", "--seeds", "1", "--features", "all", "--threads", "3"],
      ]
      for arguments in commands {
        let run = try run(arguments, most: 0)
        #expect(run.status == 0, "\(arguments): \(run.errors)")
      }
    }
  }

  /// 64 stacks of 4 MiB are not to be had.
  @Test(.enabled(if: !isSanitized, "a sanitizer needs all of the address space"))
  func withoutMemoryForSoManyThreadsThereAreFewerOrNoWorkBegins() throws {
    let arguments = ["train", "--data", "drawn", "--steps", "20", "--batch", "100", "--threads", "64", "--json"]
    let run = try CommandRun(arguments, addressSpace: 400)
    if run.status == 71 {
      #expect(run.output.isEmpty && !run.errors.contains("step "))
    } else {
      #expect(run.status == 0, "\(run.errors)")
      #expect(try #require(run.json()["threads"] as? Int) < 64)
    }
  }

  @Test func aStackThatIsTooSmallIsNotTaken() throws {
    let run = try CommandRun(Self.training, environment: ["OMP_STACKSIZE": "1k"])
    #expect(run.status == 0, "\(run.errors)")
    #expect(try run.json()["threads"] as? Int == 4)
  }

  /// OpenMP's file in shared memory has 1024 bytes, and no file may have more than 512.
  @Test func whereOpenMPCannotStartNoWorkBegins() throws {
    let run = try CommandRun(Self.training, shell: #"ulimit -f 1; exec "$0" "$@""#)
    #expect(run.status == 71)
    #expect(run.output.isEmpty)
    #expect(run.errors.hasSuffix("Error: OpenMP could not start its threads; --threads 1 does without\n"))
  }

  @Test func aKillLeavesNothingInSharedMemory() throws {
    try withTemporaryFolder { folder in
      let arguments = ["train", "--data", "drawn", "--steps", "1000000", "--threads", "2"]
      let run = try CommandRun(
        arguments, signal: (SIGKILL, "step "), shell: #"echo $$ > \#(folder)/pid; exec "$0" "$@""#)
      #expect(run.status == -SIGKILL)
      let pid = try String(contentsOfFile: "\(folder)/pid", encoding: .utf8).trimmingCharacters(
        in: .whitespacesAndNewlines)
      let left = (try? FileManager.default.contentsOfDirectory(atPath: "/dev/shm")) ?? []
      #expect(!left.contains { $0.hasPrefix("__KMP_REGISTERED_LIB_\(pid)") })
    }
  }

  @Test(arguments: [("3", 3), ("2,4", 2), ("", nil), ("0", nil), ("many", nil)])
  func theDefaultIsWhatOpenMPIsTold(text: String, threads: Int?) throws {
    let arguments = ["train", "--data", "drawn", "--steps", "2", "--json"]
    let run = try CommandRun(arguments, environment: ["OMP_NUM_THREADS": text])
    let without = try CommandRun(arguments, environment: ["OMP_NUM_THREADS": ""]).json()
    #expect(try run.json()["threads"] as? Int == threads ?? without["threads"] as? Int)
  }

  @Test func onOneCoreTheDefaultIsOneThread() throws {
    let first = #"$(taskset -cp $$ | sed 's/.*: \([0-9]*\).*/\1/')"#
    let run = try CommandRun(
      ["train", "--data", "drawn", "--steps", "2", "--json"], environment: ["OMP_NUM_THREADS": ""],
      shell: #"exec taskset -c "\#(first)" "$0" "$@""#)
    #expect(try run.json()["threads"] as? Int == 1)
  }

  @Test(arguments: [["train"], ["evaluate", "model"], ["see", "model"], ["ablate"]], ["-5", "0", "1025"])
  func noCommandTakesANumberOfThreadsThatThereIsNot(command: [String], threads: String) throws {
    let run = try CommandRun(command + ["--data", "drawn", "--threads=\(threads)"])
    #expect(run.status == 64)
    #expect(run.errors.contains("--threads is \(threads), must be 1 to 1024"))
  }
}
