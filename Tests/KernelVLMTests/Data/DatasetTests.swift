import Foundation
import KernelVLM
import Testing

struct DatasetTests {
  /// Two training and one test image of 2 x 2 pixels; `replacing` gives a file another content.
  private func withFolder<Result>(
    replacing name: String? = nil, with content: [UInt8] = [], _ body: (String) throws -> Result
  ) throws -> Result {
    try withTemporaryFolder { folder in
      var files = [
        "train-images-idx3-ubyte": idxFile([2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]),
        "train-labels-idx1-ubyte": idxFile([2], [9, 0]),
        "t10k-images-idx3-ubyte": idxFile([1, 2, 2], [0, 255, 0, 255]), "t10k-labels-idx1-ubyte": idxFile([1], [3]),
      ]
      if let name { files[name] = content }
      for (name, content) in files { try write(content, to: "\(folder)/\(name)") }
      return try body(folder)
    }
  }

  private func error(replacing name: String, with content: [UInt8]) throws -> FileError? {
    try withFolder(replacing: name, with: content) { folder in
      let error = fileError { _ = try DataSource.folder(folder).load() }
      return error.map { FileError($0.kind, path: $0.path.replacingOccurrences(of: folder, with: "."), $0.problem) }
    }
  }

  @Test func anyIDXFilesAreACustomDataset() throws {
    let data = try withFolder { try DataSource.folder($0).load() }
    #expect(data.name == .custom && data.train.count == 2 && data.test.count == 1 && data.train.size == ImageSize(2, 2))
    #expect(data.train.labels == [9, 0] && Array(data.train[1]) == [5, 6, 7, 8])
  }

  @Test func oneSplitLoadsWithoutTheOther() throws {
    try withFolder { folder in
      try FileManager.default.removeItem(atPath: "\(folder)/train-images-idx3-ubyte")
      #expect(try DataSource.folder("\(folder)/").load(.test).images.labels == [3])
      #expect(fileError { _ = try DataSource.folder(folder).load(.train) }?.kind == .missing)
    }
  }

  @Test func imagesNeedNotBeSquare() throws {
    let train = try withFolder(replacing: "train-images-idx3-ubyte", with: idxFile([2, 2, 3], Array(1...12))) {
      try DataSource.folder($0).load(.train).images
    }
    #expect(train.size == ImageSize(2, 3) && train.count == 2 && Array(train[1]) == [7, 8, 9, 10, 11, 12])
  }

  @Test(arguments: [[2, 2000, 3], [2, 3, 2000], [2, 1025, 1], [2, 1, 1025]])
  func imagesThatAreTooLargeAreRefused(dimensions: [Int]) throws {
    let pixels = [UInt8](repeating: 0, count: dimensions.reduce(1, *))
    let found = "\(dimensions[1]) x \(dimensions[2])"
    let expected = FileError(
      .malformed, path: "./train-images-idx3-ubyte", "expected images of at most 1024 x 1024 pixels, found \(found)")
    #expect(try error(replacing: "train-images-idx3-ubyte", with: idxFile(dimensions, pixels)) == expected)
  }

  @Test func countsThatDisagreeAreRefused() throws {
    let expected = FileError(
      .malformed, path: "./train-labels-idx1-ubyte", "expected 2 labels, one for each image, found 3")
    #expect(try error(replacing: "train-labels-idx1-ubyte", with: idxFile([3], [1, 2, 3])) == expected)
  }

  @Test func aLabelWithoutANameIsRefusedWithItsIndex() throws {
    let expected = FileError(
      .malformed, path: "./train-labels-idx1-ubyte", "expected labels of 0 to 9, found 10 at index 1")
    #expect(try error(replacing: "train-labels-idx1-ubyte", with: idxFile([2], [0, 10])) == expected)
    try withFolder { folder in
      let fewer = fileError { _ = try DataSource.folder(folder).load(.test, names: 3) }
      #expect(fewer?.problem == "expected labels of 0 to 2, found 3 at index 0")
    }
  }

  @Test(arguments: [[1, 1], [2, 3], [3, 2], [1, 4], [4, 1]])
  func testImagesOfAnotherSizeAreRefused(size: [Int]) throws {
    let expected = FileError(
      .malformed, path: "./t10k-images-idx3-ubyte",
      "expected test images of 2 x 2 as in train, found \(size[0]) x \(size[1])")
    let pixels = [UInt8](repeating: 0, count: size[0] * size[1])
    #expect(try error(replacing: "t10k-images-idx3-ubyte", with: idxFile([1] + size, pixels)) == expected)
  }

  /// What the files of trainings have recorded, and what tells an image from itself with another number of rows.
  @Test func theHashOfSquareImagesBeginsWithTheirSide() {
    func hash(_ size: ImageSize) -> String {
      LabelledImages(images: [UInt8](repeating: 7, count: 16), labels: [3], size: size).sha256
    }
    let rest = [UInt8](repeating: 7, count: 16) + [3]
    #expect(hash(ImageSize(4, 4)) == sha256Hex(of: Array("1 4\n".utf8) + rest))
    #expect(hash(ImageSize(2, 8)) == sha256Hex(of: Array("1 2 8\n".utf8) + rest))
    #expect(hash(ImageSize(8, 2)) == sha256Hex(of: Array("1 8 2\n".utf8) + rest))
  }

  @Test func drawnDigitsAreADatasetOfMNISTsSize() throws {
    let data = try DataSource.drawn(seed: 1).load()
    #expect(
      data.name == .drawn && data.train.count == 60_000 && data.test.count == 10_000
        && data.test.size == ImageSize(28, 28))
  }

  @Test(.enabled(if: MNISTAvailability.isPresent, MNISTAvailability.reason))
  func mnistIsRecognisedByItsContent() throws {
    let data = try DataSource.resolve(MNISTAvailability.folder).load()
    #expect(
      data.name == .mnist && data.train.count == 60_000 && data.test.count == 10_000
        && data.train.size == ImageSize(28, 28))
    #expect(data.train.labels.prefix(5) == [5, 0, 4, 1, 9] && data.test.labels.prefix(5) == [7, 2, 1, 0, 4])
  }

  @Test(.enabled(if: MNISTAvailability.isPresent, MNISTAvailability.reason))
  func mnistWithOneChangedPixelIsCustom() throws {
    let folder = try #require(MNISTAvailability.folder)
    try withTemporaryFolder { copy in
      let images = try IDX(path: "\(folder)/t10k-images-idx3-ubyte", rank: 3)
      let labels = try IDX(path: "\(folder)/t10k-labels-idx1-ubyte", rank: 1)
      try write(idxFile(labels.dimensions, labels.bytes), to: "\(copy)/t10k-labels-idx1-ubyte")
      try write(idxFile(images.dimensions, images.bytes), to: "\(copy)/t10k-images-idx3-ubyte")
      #expect(try DataSource.folder(copy).load(.test).name == .mnist)
      var changed = images.bytes
      changed[changed.count - 1] ^= 1
      try write(idxFile(images.dimensions, changed), to: "\(copy)/t10k-images-idx3-ubyte")
      #expect(try DataSource.folder(copy).load(.test).name == .custom)
    }
  }

  /// Each of the two files counts.
  @Test(.enabled(if: MNISTAvailability.isPresent, MNISTAvailability.reason))
  func mnistWithOneChangedLabelIsCustom() throws {
    let folder = try #require(MNISTAvailability.folder)
    try withTemporaryFolder { copy in
      let images = try IDX(path: "\(folder)/t10k-images-idx3-ubyte", rank: 3)
      var labels = try IDX(path: "\(folder)/t10k-labels-idx1-ubyte", rank: 1).bytes
      labels[labels.count - 1] = (labels[labels.count - 1] + 1) % 10
      try write(idxFile(images.dimensions, images.bytes), to: "\(copy)/t10k-images-idx3-ubyte")
      try write(idxFile([labels.count], labels), to: "\(copy)/t10k-labels-idx1-ubyte")
      #expect(try DataSource.folder(copy).load(.test).name == .custom)
    }
  }

  @Test(.enabled(if: MNISTAvailability.isPresent, MNISTAvailability.reason))
  func mnistToTrainOnAndOtherImagesToTestAreCustom() throws {
    let folder = try #require(MNISTAvailability.folder)
    try withTemporaryFolder { mixed in
      for file in try FileManager.default.contentsOfDirectory(atPath: folder) where file.hasPrefix("train-") {
        try FileManager.default.createSymbolicLink(
          atPath: "\(mixed)/\(file)", withDestinationPath: URL(fileURLWithPath: "\(folder)/\(file)").path)
      }
      let pixels = [UInt8](repeating: 7, count: 784)
      try write(idxFile([1, 28, 28], pixels), to: "\(mixed)/t10k-images-idx3-ubyte")
      try write(idxFile([1], [3]), to: "\(mixed)/t10k-labels-idx1-ubyte")
      #expect(try DataSource.folder(mixed).load(.train).name == .mnist)
      let data = try DataSource.folder(mixed).load()
      #expect(data.name == .custom && data.train.count == 60_000 && data.test.labels == [3])
      let pairs = try DataSource.pairs(of: .folder(mixed)).load()
      #expect(pairs.title == "pairs of custom" && pairs.train.count == 120_000 && pairs.test.labels == [33])
    }
  }
}
