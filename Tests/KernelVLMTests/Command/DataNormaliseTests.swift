import Foundation
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

/// What `data normalise` makes of folders of pictures.
@Suite struct DataNormaliseTests {
  /// Pictures of 60 x 60 in a folder for each name: bars that lie for the even names, that stand for the odd ones.
  private func make(_ count: Int, names: [String], in folder: String) throws {
    for (number, name) in names.enumerated() {
      try FileManager.default.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
      for index in 0..<count {
        var sheet = Sheet(60, 60)
        let (across, along) = (20 + index % 7..<27 + index % 7, 10 + index % 5..<45 + index % 5)
        number % 2 == 0 ? sheet.draw(across, along) : sheet.draw(along, across)
        try write(
          greyPNG(sheet.picture.pixels, height: 60, width: 60), to: "\(folder)/\(name)/\(String(100 + index)).png")
      }
    }
  }

  @Test func oneTrainsOnPicturesAndWordsOfOnesOwn() throws {
    try withTemporaryFolder { folder in
      try make(40, names: ["minus", "pole"], in: "\(folder)/pictures")
      let (data, model) = ("\(folder)/data", "\(folder)/model.safetensors")
      let run = try CommandRun("data", "normalise", "\(folder)/pictures", "--output", data)
      #expect(run.status == 0 && run.output.contains("Wrote 64 training and 16 test images"), "\(run.errors)")
      #expect(run.output.contains("Next: kernelvlm train --data \(data)"))
      let loaded = try DataSource.folder(data).load()
      #expect(loaded.names == ["minus", "pole"] && loaded.train.size == 28)
      #expect(loaded.test.labels.count { $0 == 1 } == 8)
      let trained = try CommandRun("train", "--data", data, "--steps", "300", "--save", model, "--json")
      #expect(trained.status == 0, "\(trained.errors)")
      #expect(try trained.json()["test_accuracy"] as? Double == 1)
      let seen = try CommandRun("see", model, "--json", "\(folder)/pictures/pole/103.png").json()
      #expect(seen["word"] as? String == "pole")
    }
  }

  @Test func numeralsAreDigitsAndAllMayBeForTesting() throws {
    try withTemporaryFolder { folder in
      try make(3, names: ["0", "1"], in: "\(folder)/pictures")
      let data = "\(folder)/data"
      let run = try CommandRun(
        "data", "normalise", "\(folder)/pictures", "--output", data, "--test-share", "1", "--image-size", "32")
      #expect(run.status == 0 && run.errors.contains("named zero to nine"), "\(run.errors)")
      #expect(run.errors.contains("no training images") && run.output.contains("Next: kernelvlm evaluate MODEL --data"))
      let files = try FileManager.default.contentsOfDirectory(atPath: data).sorted()
      #expect(files == ["names.txt", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
      let part = try DataSource.folder(data).load(.test)
      #expect(part.images.labels == [0, 0, 0, 1, 1, 1] && part.images.size == 32)
      let again = try CommandRun("data", "normalise", "\(folder)/pictures", "--output", data)
      #expect(again.status == 73 && again.errors.contains("left as it is"))
    }
  }

  @Test func badPicturesStopItOrAreLeftOut() throws {
    try withTemporaryFolder { folder in
      try make(5, names: ["a", "b"], in: "\(folder)/pictures")
      try write([1, 2, 3], to: "\(folder)/pictures/a/zz.png")
      try write(greyPNG([UInt8](repeating: 255, count: 100), height: 10, width: 10), to: "\(folder)/pictures/b/zz.png")
      let data = "\(folder)/data"
      let stopped = try CommandRun("data", "normalise", "\(folder)/pictures", "--output", data)
      #expect(stopped.status == 65 && stopped.output.isEmpty)
      #expect(stopped.errors.split(separator: "\n").count { $0.hasPrefix("Error: ") } == 2, "\(stopped.errors)")
      #expect(!FileManager.default.fileExists(atPath: data))
      let run = try CommandRun("data", "normalise", "\(folder)/pictures", "--output", data, "--skip-bad")
      #expect(run.status == 0 && run.output.contains("8 training and 2 test images"), "\(run.output)")
      #expect(run.output.contains("without 2 pictures"))
    }
  }

  @Test func veryManyBadPicturesAreCounted() throws {
    try withTemporaryFolder { folder in
      try FileManager.default.createDirectory(atPath: "\(folder)/a", withIntermediateDirectories: true)
      for index in 0..<23 { try write([1, 2, 3], to: "\(folder)/a/\(index).png") }
      let run = try CommandRun("data", "normalise", folder, "--output", "\(folder)/data", "--skip-bad")
      #expect(run.status == 65 && run.errors.contains("… and 3 more\n"), "\(run.errors)")
      #expect(run.errors.contains("expected at least one picture that can be read, found none"))
    }
  }

  @Test(arguments: [["--image-size", "7"], ["--test-share", "1.5"], ["--cut", "half"], ["-"]])
  func optionsOutOfRangeAreRefused(arguments: [String]) throws {
    let run = try CommandRun(["data", "normalise", "pictures", "--output", "data"] + arguments)
    #expect(run.status == 64 && run.output.isEmpty, "\(run.errors)")
  }
}
