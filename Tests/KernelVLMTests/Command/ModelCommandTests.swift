import Foundation
import ReferenceKernels
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

/// The commands that read a model.
@Suite struct ModelCommandTests {
  /// A model of a few steps, and what its training said.
  private func withModel(_ body: (_ path: String, _ trained: [String: Any]) throws -> Void) throws {
    try withTemporaryFolder { folder in
      let model = "\(folder)/model.safetensors"
      let run = try CommandRun("train", "--data", "drawn", "--steps", "300", "--save", model, "--json")
      try #require(run.status == 0)
      try body(model, try run.json())
    }
  }

  @Test func aSavedModelIsTheOneThatWasTrained() throws {
    try withModel { model, trained in
      let run = try CommandRun("evaluate", model, "--data", "drawn", "--json")
      #expect(run.status == 0)
      let result = try run.json()
      #expect(
        Set(result.keys).isSuperset(of: ["accuracy", "correct", "count", "interval", "confusion", "seconds"]))
      #expect(result["correct"] as? Int == trained["test_correct"] as? Int)
      #expect(result["accuracy"] as? Double == trained["test_accuracy"] as? Double)
      #expect(result["count"] as? Int == 10_000)
      let confusion = try #require(result["confusion"] as? [[Int]])
      #expect(confusion.count == 10 && confusion.allSatisfy { $0.count == 11 })
      #expect(confusion.joined().reduce(0, +) == 10_000)
      #expect(confusion.indices.reduce(0) { $0 + confusion[$1][$1] } == result["correct"] as? Int)
      let interval = try #require(result["interval"] as? [Double])
      let accuracy = try #require(result["accuracy"] as? Double)
      #expect(interval.count == 2 && interval[0] < accuracy && accuracy < interval[1])

      let provenance = try Checkpoint(path: model).provenance
      #expect(provenance["dataset"] == "drawn" && provenance["steps"] == "300" && provenance["seed"] == "42")
      #expect(provenance["weights_sha256"] == trained["weights_sha256"] as? String)
    }
  }

  /// Images of one name only: its row counts them all, and each column what `see` spells.
  @Test func rowsOfTheConfusionAreTrueNamesAndColumnsSpelledOnes() throws {
    try withModel { model, _ in
      try withTemporaryFolder { folder in
        let (count, name) = (30, 3)
        let digits = DrawnDigits().images(.test, 0..<count)
        for split in [Split.train, .test] {
          let files = MNIST.files(split)
          try write(idxFile([count, 28, 28], digits.images), to: files.images.path(in: folder))
          try write(idxFile([count], [UInt8](repeating: UInt8(name), count: count)), to: files.labels.path(in: folder))
        }
        let words = try (0..<count).map {
          try #require(
            try CommandRun("see", model, "--data", folder, "--index", "\($0)", "--json").json()["word"] as? String)
        }
        var row = [Int](repeating: 0, count: 11)
        for word in words { row[Vocabulary.digitNames.firstIndex(of: word) ?? 10] += 1 }
        try #require(row[name] < count, "a model that spells three for all of them shows nothing")
        let confusion = try CommandRun("evaluate", model, "--data", folder, "--json").json()["confusion"] as? [[Int]]
        let none = [Int](repeating: 0, count: 11)
        #expect(confusion == (0..<10).map { $0 == name ? row : none })

        let lines = try CommandRun("evaluate", model, "--data", folder).output.split(separator: "\n").map {
          $0.split(separator: " ").map(String.init)
        }
        let head = try #require(lines.first { $0.first == "right" })
        #expect(head == ["right"] + Vocabulary.digitNames + ["none"])
        let cells = row.map { $0 == 0 ? "." : "\($0)" }
        let table = lines.filter { Vocabulary.digitNames.contains($0.first ?? "") }
        #expect(table.map { Array($0.suffix(11)) } == (0..<10).map { $0 == name ? cells : none.map { _ in "." } })
        #expect(table.map { $0[1] == "-" } == (0..<10).map { $0 != name }, "images of the others there are none")
      }
    }
  }

  @Test func evaluateNamesItsDataAndEveryDigit() throws {
    try withModel { model, _ in
      let run = try CommandRun("evaluate", model, "--data", "drawn", "--split", "test", "--backend", "reference")
      #expect(run.status == 0)
      #expect(run.output.contains("of the 10,000 test images of drawn"))
      #expect(run.output.contains("Words that are no name: "))
      for name in Vocabulary.digitNames { #expect(run.output.contains("\n\(name) ")) }
    }
  }

  @Test func seeDrawsTheImageAndSpellsIt() throws {
    try withModel { model, _ in
      let text = try CommandRun("see", model, "--data", "drawn", "--index", "7")
      #expect(text.status == 0)
      #expect(text.output.split(separator: "\n", omittingEmptySubsequences: false).count >= 28 + 3)
      #expect(text.output.contains("█"))

      let result = try CommandRun("see", model, "--data", "drawn", "--index", "7", "--json").json()
      let label = DrawnDigits().images(.test, 7..<8).labels[0]
      #expect(result["name"] as? String == Vocabulary.digitNames[Int(label)])
      #expect(result["dataset"] as? String == "drawn")
      let word = try #require(result["word"] as? String)
      let tokens = try #require(result["tokens"] as? [[String: Any]])
      #expect(tokens.compactMap { $0["token"] as? String }.prefix(word.count).joined() == word)
      for token in tokens { #expect((0...1).contains(try #require(token["probability"] as? Double))) }
      #expect(text.output.contains("Spelled: \(word)"))
    }
  }

  /// Against the library, for images that are not the first, and whose words are not that one's.
  @Test func seeSpellsTheImageThatIsAskedForAndNoOther() throws {
    try withModel { model, _ in
      let images = DrawnDigits().images(.test, 0..<40)
      let spellings = try KernelChoice().model(Checkpoint(path: model)).spell(images, 0..<40, threads: 1)
      let others = spellings.indices.filter { spellings[$0].word != spellings[0].word }
      try #require(others.count >= 2)
      for index in others.prefix(2) {
        let result = try CommandRun("see", model, "--data", "drawn", "--index", "\(index)", "--json").json()
        #expect(result["index"] as? Int == index && result["word"] as? String == spellings[index].word)
        #expect(result["name"] as? String == Vocabulary.digitNames[Int(images.labels[index])])
      }
    }
  }

  /// 128 rows, of which the middle two are bright: 64 lines, of which one is.
  @Test func seeMakesALargePictureSmaller() throws {
    try withModel { model, _ in
      try withTemporaryFolder { folder in
        let image = (0..<128 * 128).map { UInt8((63...64).contains($0 / 128 + 1) ? 255 : 0) }
        try write(idxFile([1, 128, 128], image), to: "\(folder)/t10k-images-idx3-ubyte")
        try write(idxFile([1], [5]), to: "\(folder)/t10k-labels-idx1-ubyte")
        let run = try CommandRun("see", model, "--data", folder)
        let lines = run.output.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(run.status == 0 && lines.prefix(64).indices.filter { !lines[$0].isEmpty } == [31])
        #expect(lines[31] == String(repeating: "█", count: 128) && lines[64].isEmpty && lines[65].hasPrefix("Test"))
      }
    }
  }

  /// A bright column of 28 x 56 pixels, each of which is two characters.
  @Test func seeDrawsAnImageThatIsNotSquare() throws {
    try withModel { model, _ in
      try withTemporaryFolder { folder in
        let image = (0..<28 * 56).map { UInt8($0 % 56 == 50 ? 255 : 0) }
        try write(idxFile([1, 28, 56], image), to: "\(folder)/t10k-images-idx3-ubyte")
        try write(idxFile([1], [5]), to: "\(folder)/t10k-labels-idx1-ubyte")
        let run = try CommandRun("see", model, "--data", folder)
        let lines = run.output.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(run.status == 0 && lines[28].isEmpty && lines[29].hasPrefix("Test image 0 of custom"))
        #expect(lines.prefix(28).allSatisfy { $0 == String(repeating: " ", count: 100) + "██" })
      }
    }
  }

  /// Three images, of which each is one bright row: a folder with the test files alone.
  @Test func seeDrawsTheImageThatIsAskedForAndNeedsTheTestFilesAlone() throws {
    try withModel { model, _ in
      try withTemporaryFolder { folder in
        let images = (0..<3).flatMap { image in (0..<784).map { UInt8($0 / 28 == 9 * image + 4 ? 255 : 0) } }
        try write(idxFile([3, 28, 28], images), to: "\(folder)/t10k-images-idx3-ubyte")
        try write(idxFile([3], [5, 6, 7]), to: "\(folder)/t10k-labels-idx1-ubyte")
        for index in 0..<3 {
          let run = try CommandRun("see", model, "--data", folder, "--index", "\(index)")
          let lines = run.output.split(separator: "\n", omittingEmptySubsequences: false)
          #expect(
            run.status == 0 && run.output.contains("Test image \(index) of custom: \(["five", "six", "seven"][index])"))
          #expect(lines.prefix(28).indices.filter { !lines[$0].isEmpty } == [9 * index + 4])
        }
      }
    }
  }

  @Test func evaluateReadsTheSplitThatItIsAskedForAndNoOther() throws {
    try withModel { model, _ in
      for (split, other, count) in [("train", "t10k", 4), ("test", "train", 3)] {
        try withTemporaryFolder { folder in
          try writeSmallDataset(folder, train: 4, test: 3)
          for file in MNIST.files where file.name.hasPrefix(other) {
            try FileManager.default.removeItem(atPath: file.path(in: folder))
          }
          let run = try CommandRun("evaluate", model, "--data", folder, "--split", split, "--json")
          #expect(run.status == 0 && run.errors.contains("\(count) \(split) images"), "\(run.errors)")
          let result = try run.json()
          #expect(result["split"] as? String == split && result["count"] as? Int == count)
          let missing = try CommandRun(
            "evaluate", model, "--data", folder, "--split", split == "train" ? "test" : "train")
          #expect(missing.status == 66 && missing.output.isEmpty)
          #expect(missing.errors.hasPrefix("Error: \(folder): expected \(other)-images-idx3-ubyte, \(other)-labels-"))
        }
      }
    }
  }

  @Test func trainWantsBothSplitsAndSaysWhatIsMissing() throws {
    try withTemporaryFolder { folder in
      try writeSmallDataset(folder)
      for file in MNIST.files where file.name.hasPrefix("train") {
        try FileManager.default.removeItem(atPath: file.path(in: folder))
      }
      let run = try CommandRun("train", "--data", folder)
      #expect(run.status == 66 && run.output.isEmpty)
      #expect(
        run.errors
          == "Error: \(folder): expected train-images-idx3-ubyte, train-labels-idx1-ubyte, each raw or .gz, here or in "
          + "MNIST/raw or raw, found \"t10k-images-idx3-ubyte\", \"t10k-labels-idx1-ubyte\"\n")
    }
  }

  @Test func anIndexOutOfRangeIsRefusedWithTheRange() throws {
    try withModel { model, _ in
      for (index, form) in [("10000", ["--index", "10000"]), ("-1", ["--index", "-1"]), ("-1", ["--index=-1"])] {
        let run = try CommandRun(["see", model, "--data", "drawn"] + form)
        #expect(run.status == 64)
        #expect(run.errors.contains("--index: index is \(index), must be 0 to 9999"))
      }
    }
  }

  @Test func aModelTrainedOnOtherDataIsSaidToBe() throws {
    try withModel { model, _ in
      try withTemporaryFolder { folder in
        try writeSmallDataset(folder)
        let run = try CommandRun("evaluate", model, "--data", folder, "--json")
        #expect(try run.json()["dataset"] as? String == "custom")
        #expect(run.errors.contains("the model was trained on drawn"))
      }
    }
  }

  /// Four raw IDX files with blank images.
  private func writeSmallDataset(_ folder: String, train: Int = 2, test: Int = 2) throws {
    for file in MNIST.files {
      let count = file.name.hasPrefix("train") ? train : test
      let dimensions = file.rank == 3 ? [count, 28, 28] : [count]
      try write(
        idxFile(dimensions, [UInt8](repeating: 0, count: dimensions.reduce(1, *))), to: file.path(in: folder))
    }
  }
}
