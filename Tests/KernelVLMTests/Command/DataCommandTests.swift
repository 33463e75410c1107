import Foundation
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

@Suite struct DataCommandTests {
  @Test func infoCountsEveryLabel() throws {
    let result = try CommandRun("data", "info", "--data", "drawn", "--json").json()
    #expect(result["dataset"] as? String == "drawn")
    let splits = try #require(result["splits"] as? [[String: Any]])
    #expect(splits.compactMap { $0["images"] as? Int } == [60_000, 10_000])
    for split in splits {
      let labels = try #require(split["labels"] as? [Int])
      #expect(labels.count == 10 && labels.reduce(0, +) == split["images"] as? Int)
    }
  }

  /// Files of one split, of images whose pixels all are `pixel`.
  private func write(
    _ split: Split, labels: [UInt8], _ height: Int, _ width: Int, pixel: UInt8 = 0, to folder: String
  ) throws {
    let files = MNIST.files(split)
    let pixels = [UInt8](repeating: pixel, count: labels.count * height * width)
    try KernelVLMTests.write(idxFile([labels.count, height, width], pixels), to: files.images.path(in: folder))
    try KernelVLMTests.write(idxFile([labels.count], labels), to: files.labels.path(in: folder))
  }

  @Test func infoDescribesAnyLabelsAndSizesOfEachSplit() throws {
    try withTemporaryFolder { folder in
      try write(.train, labels: [0, 0, 255, 12], 3, 1, to: folder)
      try write(.test, labels: [12], 2, 5, to: folder)
      let run = try CommandRun("data", "info", "--data", folder)
      #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
      #expect(run.output.hasPrefix("Data: custom, in \(folder), 2 x 5 and 3 x 1 pixels\n"))
      let rows = run.output.split(separator: "\n").map { $0.split(separator: " ") }
      #expect(
        rows[1...5] == [
          ["train", "test"], ["0", "2", "0"], ["12", "1", "1"], ["255", "1", "0"], ["images", "4", "1"],
        ])
      let splits = try #require(
        try CommandRun("data", "info", "--data", folder, "--json").json()["splits"] as? [[String: Any]])
      var counts = [Int](repeating: 0, count: 256)
      (counts[0], counts[12], counts[255]) = (2, 1, 1)
      #expect(splits[0]["labels"] as? [Int] == counts)
      #expect(splits.compactMap { $0["height"] as? Int } == [3, 2])
      #expect(splits.compactMap { $0["width"] as? Int } == [1, 5])
      #expect(splits.compactMap { ($0["labels"] as? [Int])?.count } == [256, 256])
    }
  }

  @Test func infoShowsTheNamesBesideTheCounts() throws {
    try withTemporaryFolder { folder in
      try write(.train, labels: [0, 0, 3], 3, 1, to: folder)
      try write(.test, labels: [1], 3, 1, to: folder)
      try KernelVLMTests.write(Array("cat\nwolfhound\nbee\n".utf8), to: "\(folder)/names.txt")
      let run = try CommandRun("data", "info", "--data", folder)
      let rows = run.output.split(separator: "\n").map { $0.split(separator: " ") }
      #expect(
        rows[1...6] == [
          ["train", "test"], ["cat", "2", "0"], ["wolfhound", "0", "1"], ["bee", "0", "0"], ["3", "1", "0"],
          ["images", "3", "1"],
        ], "\(run.output)\(run.errors)")
      let result = try CommandRun("data", "info", "--data", folder, "--json").json()
      #expect(result["names"] as? [String] == ["cat", "wolfhound", "bee"] && result["base"] == nil)
      let splits = try #require(result["splits"] as? [[String: Any]])
      #expect(splits.compactMap { $0["labels"] as? [Int] } == [[2, 0, 0, 1], [0, 1, 0, 0]])
      try KernelVLMTests.write(Array("cat\n\n".utf8), to: "\(folder)/names.txt")
      let bad = try CommandRun("data", "info", "--data", folder)
      #expect(
        bad.status == 65
          && bad.errors == "Error: \(folder)/names.txt: expected a name on line 2, found an empty line\n")
    }
  }

  @Test func infoDescribesPairsOfTheDigitsThatThereAre() throws {
    try withTemporaryFolder { folder in
      try write(.train, labels: [1, 1, 1], 5, 4, to: folder)
      try write(.test, labels: [0, 0], 5, 4, to: folder)
      let result = try CommandRun(
        ["data", "info", "--data", "pairs", "--json"], environment: ["KERNELVLM_DATA": folder]
      ).json()
      #expect(result["dataset"] as? String == "pairs" && result["base"] as? String == "custom")
      #expect((result["names"] as? [String])?.count == 100)
      let splits = try #require(result["splits"] as? [[String: Any]])
      #expect(splits.compactMap { $0["images"] as? Int } == [6, 2])
      #expect(splits.compactMap { $0["width"] as? Int } == [8, 8])
      #expect(splits.compactMap { ($0["labels"] as? [Int])?[11] } == [6, 0])
      let run = try CommandRun(["data", "info", "--data", "pairs"], environment: ["KERNELVLM_DATA": folder])
      #expect(run.output.hasPrefix("Data: pairs of custom, in \(folder), 5 x 8 pixels\n"))
      let drawn = try CommandRun(["data", "info"], environment: ["KERNELVLM_DATA": "shapes"])
      #expect(drawn.output.hasPrefix("Data: shapes, seed 42, 24 x 32 pixels\n") && drawn.output.contains("\nheart "))
    }
  }

  @Test func pairsWithoutANetworkAreOfDrawnDigits() throws {
    try withTemporaryFolder { folder in
      let environment = ["XDG_CACHE_HOME": "\(folder)/cache", "https_proxy": "http://127.0.0.1:1"]
      let run = try CommandRun(["data", "write", "pairs", "--output", "\(folder)/pairs"], environment: environment)
      #expect(run.status == 0 && run.errors.contains("Going on with drawn digits, no MNIST here: "), "\(run.errors)")
      #expect(
        run.output
          == "Wrote 120,000 training and 10,000 test images of pairs of drawn, 28 x 56 pixels, to \(folder)/pairs\n")
      let read = try DataSource.folder("\(folder)/pairs").load(.test).images
      #expect(try DataSource.pairs(of: .drawn(seed: 42)).load(.test).images == read)
    }
  }

  @Test func shapesAreWrittenOnceAndReadByTheirNames() throws {
    try withTemporaryFolder { folder in
      let arguments = ["data", "write", "shapes", "--output", folder]
      let run = try CommandRun(arguments)
      #expect(
        run.status == 0 && run.output.hasPrefix("Wrote 20,000 training and 4,000 test images of shapes, 24 x 32 "))
      #expect(try DataSource.folder(folder).load().names == DrawnShapes.names)
      let again = try CommandRun(arguments)
      #expect(again.status == 73 && again.output.isEmpty)
      #expect(
        again.errors
          == "Error: \(folder)/names.txt: expected no such file to write to, found one; it is left as it is\n")
      #expect(try CommandRun("data", "write", "mnist", "--output", folder).status == 64)
    }
  }

  @Test func infoDescribesOneSplitAlone() throws {
    try withTemporaryFolder { folder in
      try write(.test, labels: [7, 2], 2, 2, to: folder)
      let run = try CommandRun("data", "info", "--data", folder)
      #expect(run.status == 0 && !run.output.contains("train") && run.output.contains("\nseven           1\n"))
      let result = try CommandRun("data", "info", "--data", folder, "--json").json()
      let splits = try #require(result["splits"] as? [[String: Any]])
      #expect(splits.count == 1 && splits[0]["split"] as? String == "test")
      let hashes = try #require(result["hashes"] as? [[String: Any]])
      #expect(hashes.compactMap { $0["name"] as? String } == ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
      #expect(hashes[1]["sha256"] as? String == sha256Hex(of: idxFile([2], [7, 2])))
    }
  }

  @Test func drawnDigitsMayBeNamedByTheVariableAndAnEmptyNameIsRefused() throws {
    let drawn = try CommandRun(["data", "info"], environment: ["KERNELVLM_DATA": "drawn"])
    #expect(drawn.status == 0 && drawn.output.hasPrefix("Data: drawn, seed 42, 28 x 28 pixels\n"))
    let train = try CommandRun(["train", "--steps", "1"], environment: ["KERNELVLM_DATA": "drawn"])
    #expect(train.status == 0 && train.errors.hasPrefix("Data: drawn, seed 42, "))
    for command in [["data", "info"], ["train"], ["ablate"]] {
      let run = try CommandRun(command + ["--data", ""], environment: ["KERNELVLM_DATA": "drawn"])
      #expect(run.status == 66 && run.output.isEmpty)
      #expect(
        run.errors
          == "Error: \"\": expected a folder with MNIST's files, 'drawn', 'pairs' or 'shapes', found an empty name\n")
    }
  }

  @Test func aLightBackgroundIsNotedByEveryCommandThatReadsImages() throws {
    try withTemporaryFolder { folder in
      try write(.train, labels: [1, 2, 3], 14, 14, pixel: 250, to: folder)
      try write(.test, labels: [1, 2], 14, 14, pixel: 250, to: folder)
      let model = "\(folder)/model"
      for arguments in [
        ["train", "--data", folder, "--steps", "2", "--save", model], ["evaluate", model, "--data", folder],
        ["see", model, "--data", folder], ["data", "info", "--data", folder],
      ] {
        let run = try CommandRun(arguments)
        #expect(
          run.status == 0 && run.errors.contains("Note: the background of these images is light; "), "\(run.errors)")
      }
    }
  }

  /// Peak memory: a good raw file takes it once, be it read for its labels, its hash or a training.
  @Test(.enabled(if: !isSanitized, "a sanitizer must be the first library that is loaded"))
  func aRawFileTakesItsSizeOnce() throws {
    try withTemporaryFolder { folder in
      let library = try libraryToPreload("PeakMemory", in: folder)
      func peak(_ count: Int) throws -> Int {
        for split in Split.allCases {
          let files = MNIST.files(split)
          let count = split == .train ? count : 1
          try KernelVLMTests.write(idxFile([count, 1000, 1000], []), to: files.images.path(in: folder))
          #expect(truncate(files.images.path(in: folder), 16 + count * 1_000_000) == 0)
          try KernelVLMTests.write(
            idxFile([count], [UInt8](repeating: 0, count: count)), to: files.labels.path(in: folder))
        }
        let run = try CommandRun(
          ["data", "info", "--data", folder], environment: ["LD_PRELOAD": library, "PEAK_REPORT": "\(folder)/peak"])
        #expect(run.status == 0)
        return try #require(Int(String(contentsOfFile: "\(folder)/peak", encoding: .utf8))) << 10
      }
      let excess = try peak(100) - peak(1) - 99_000_000
      #expect(excess < 16 << 20, "\(excess) bytes beyond the file's size")
    }
  }

  @Test func infoDownloadsNothing() throws {
    try withTemporaryFolder { folder in
      let run = try CommandRun(["data", "info"], environment: ["XDG_CACHE_HOME": folder])
      #expect(run.status == 0)
      #expect(run.output.contains("kernelvlm data fetch") && run.output.contains(folder))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
    }
  }

  @Test func fetchWithoutANetworkExits69() throws {
    try withTemporaryFolder { folder in
      let run = try CommandRun(
        ["data", "fetch", "--to", "\(folder)/mnist"], environment: ["https_proxy": "http://127.0.0.1:1"])
      #expect(run.status == 69)
      #expect(run.output.isEmpty)
    }
  }

  @Test(.enabled(if: MNISTAvailability.isPresent, MNISTAvailability.reason))
  func fetchVerifiesWhatIsThere() throws {
    let folder = try #require(MNISTAvailability.folder)
    let run = try CommandRun("data", "fetch", "--to", folder)
    #expect(run.status == 0 && run.output.contains(folder))
    let info = try CommandRun("data", "info", "--data", folder, "--json").json()
    #expect(info["dataset"] as? String == "mnist")
    let hashes = try #require(info["hashes"] as? [[String: Any]])
    #expect(hashes.compactMap { $0["sha256"] as? String } == MNIST.files.map(\.sha256))
  }
}
