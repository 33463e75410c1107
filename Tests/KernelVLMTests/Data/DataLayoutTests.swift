import Foundation
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

/// Where data sets' files are found.
struct DataLayoutTests {
  private let files = [
    "train-images-idx3-ubyte": idxFile([2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]),
    "train-labels-idx1-ubyte": idxFile([2], [9, 0]),
    "t10k-images-idx3-ubyte": idxFile([1, 2, 2], [0, 255, 0, 255]), "t10k-labels-idx1-ubyte": idxFile([1], [3]),
  ]

  /// The files under other paths, raw and gzip, in a folder.
  private func withFiles(
    _ path: (String) -> String, gzip: Bool, _ body: (String) throws -> Void
  ) throws {
    try withTemporaryFolder { folder in
      for (name, content) in files {
        let path = "\(folder)/\(path(name))\(gzip ? ".gz" : "")"
        try FileManager.default.createDirectory(
          at: URL(fileURLWithPath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
        try write(gzip ? storedGzip(content) : content, to: path)
      }
      try body(folder)
    }
  }

  static func dotted(_ name: String) -> String { name.replacingOccurrences(of: "-idx", with: ".idx") }

  /// How people come to have the files: what a name becomes.
  static let layouts: [(title: String, path: @Sendable (String) -> String)] = [
    ("plain", { $0 }), ("Kaggle's dots", { dotted($0) }), ("Kaggle's folders", { "\($0)/\($0)" }),
    ("folders, dots within", { "\($0)/\(dotted($0))" }), ("dotted folders", { "\(dotted($0))/\(dotted($0))" }),
    ("dotted folders, plain within", { "\(dotted($0))/\($0)" }), ("torchvision's root", { "MNIST/raw/\($0)" }),
    ("torchvision's MNIST", { "raw/\($0)" }), ("dots in raw", { "MNIST/raw/\(dotted($0))" }),
    ("folders in raw", { "raw/\($0)/\($0)" }),
  ]

  @Test(arguments: layouts.indices, [false, true]) func everyLayoutIsRead(index: Int, gzip: Bool) throws {
    try withFiles(Self.layouts[index].path, gzip: gzip) { folder in
      for folder in [folder, folder + "/"] {
        #expect(MNIST.missing(in: folder).isEmpty && MNIST.splits(in: folder) == [.train, .test])
        let source = try DataSource.resolve(folder, environment: [:])
        let data = try source.load()
        #expect(data.train.labels == [9, 0] && data.test.images == [0, 255, 0, 255])
      }
    }
  }

  @Test func rawComesBeforeGzipAndTheFolderItselfBeforeThoseBelow() throws {
    try withFiles({ $0 }, gzip: false) { folder in
      let plain = "\(folder)/t10k-labels-idx1-ubyte"
      let below = "\(folder)/raw/t10k-labels-idx1-ubyte"
      try FileManager.default.createDirectory(atPath: "\(folder)/raw", withIntermediateDirectories: false)
      try write(idxFile([1], [5]), to: below)
      try write(storedGzip(idxFile([1], [4])), to: plain + ".gz")
      for label: UInt8 in [3, 4, 5] {
        #expect(try DataSource.folder(folder).load(.test).images.labels == [label])
        try FileManager.default.removeItem(atPath: label == 3 ? plain : label == 4 ? plain + ".gz" : below)
      }
    }
  }

  @Test func oneSplitIsEnoughForWhomItIsEnough() throws {
    try withFiles({ $0 }, gzip: true) { folder in
      for name in files.keys where name.hasPrefix("train") {
        try FileManager.default.removeItem(atPath: "\(folder)/\(name).gz")
      }
      #expect(MNIST.splits(in: folder) == [.test])
      let source = try DataSource.resolve(folder, splits: [.test], environment: [:])
      #expect(try source.load(.test).images.labels == [3])
      let error = FileError(
        .missing, path: folder,
        "expected train-images-idx3-ubyte, train-labels-idx1-ubyte, each raw or .gz, here or in MNIST/raw or raw, "
          + "found \"t10k-images-idx3-ubyte.gz\", \"t10k-labels-idx1-ubyte.gz\"")
      #expect(throws: error) { try DataSource.resolve(folder, environment: [:]) }
      #expect(throws: error) { try DataSource.folder(folder).load(.train) }
    }
  }

  private func found(_ folder: String) -> String? {
    let error = fileError { _ = try DataSource.resolve(folder, environment: [:]) }
    #expect(error?.kind == .missing && error?.path == folder && error?.problem.contains { $0.isNewline } == false)
    return error?.problem.components(separatedBy: ", found ").dropFirst().joined(separator: ", found ")
  }

  @Test func whatIsThereInsteadIsNamedWithTheCure() throws {
    try withTemporaryFolder { folder in
      #expect(found(folder) == "an empty folder")
      #expect(found("\(folder)/none") == "no such folder")
      try write(Array("notes".utf8), to: "\(folder)/a\nb")
      #expect(found("\(folder)/a\nb") == "a file, text: convert it to IDX, as 'kernelvlm data --help' shows")
      #expect(found(folder) == "\"a\\nb\"")
      try write([7], to: "\(folder)/mnist.npz")
      #expect(found("\(folder)/mnist.npz") == "no folder but a file")
      try write(ForeignFileTests.zip("x_test.npy"), to: "\(folder)/mnist.npz")
      #expect(
        found(folder)
          == "\"a\\nb\", \"mnist.npz\"; \"mnist.npz\" is a NumPy archive (.npz): convert it to IDX, as 'kernelvlm data "
          + "--help' shows")
      for index in 0..<9 { try write([], to: "\(folder)/0\(index)") }
      #expect(found(folder)?.contains("\"07\" and 3 more; \"00\" is an empty file: ") == true)
    }
  }

  @Test(.enabled(if: geteuid() != 0, "root reads every folder")) func aFolderThatCannotBeReadIsNamed() throws {
    try withTemporaryFolder { folder in
      try #require(chmod(folder, 0) == 0)
      defer { chmod(folder, 0o700) }
      #expect(found(folder) == "a folder that cannot be read")
    }
  }

  @Test func anEmptyNameIsNoFolder() {
    let error = fileError { _ = try DataSource.resolve("", environment: ["KERNELVLM_DATA": "/nowhere"]) }
    #expect(
      error
        == FileError(
          .missing, path: "", "expected a folder with MNIST's files, 'drawn', 'pairs' or 'shapes', found an empty name")
    )
  }
}
