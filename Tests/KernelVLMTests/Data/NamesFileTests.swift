import Foundation
import Testing

@testable import KernelVLM

/// The names that a data folder brings.
struct NamesFileTests {
  private func names(_ content: [UInt8]) throws -> [String] { try NamesFile.names(content, path: "names.txt") }

  @Test(arguments: ["cat\ndog\n", "cat\ndog", "cat\r\ndog\r\n", "cat\r\ndog"])
  func linesEndAsTheyLike(text: String) throws { #expect(try names(Array(text.utf8)) == ["cat", "dog"]) }

  @Test func namesMayHaveAnyLettersAndSpaces() throws {
    #expect(try names(Array("T-shirt/top\nbête noire\n猫\n".utf8)) == ["T-shirt/top", "bête noire", "猫"])
    let most = (0..<256).map { "n\($0)" }
    #expect(try names(NamesFile.content(most)) == most)
  }

  static let bad: [(content: [UInt8], problem: String)] = [
    ([], "expected number of names to be 1 to 256, found 0"),
    (Array("\n".utf8), "expected a name on line 1, found an empty line"),
    (Array("cat\n\ndog\n".utf8), "expected a name on line 2, found an empty line"),
    (Array("cat\n\n".utf8), "expected a name on line 2, found an empty line"),
    (Array("cat\r\n\r\n".utf8), "expected a name on line 2, found an empty line"),
    (Array("cat\ndog\ncat\n".utf8), "expected name 2 to be different from name 0, found cat"),
    (Array("cat\ndog\u{1B}[2J\n".utf8), "without control characters on line 2, found \"dog\\u{1B}[2J\""),
    (Array("cat\rdog\n".utf8), "without control characters on line 1, found \"cat\\rdog\""),
    (Array("\u{FEFF}cat\n".utf8), "without control characters on line 1, found \"\\u{FEFF}cat\""),
    (Array("cat\n".utf8) + [0xE9, 10], "expected UTF-8, found byte 233 at 4"),
    (
      NamesFile.content((0..<257).map { "n\($0)" }),
      "expected number of names to be 1 to 256, found 257"
    ),
  ]

  @Test(arguments: bad.indices) func whatIsNoListOfNamesIsRefused(index: Int) {
    let error = fileError { _ = try names(Self.bad[index].content) }
    #expect(error?.kind == .malformed && error?.path == "names.txt")
    #expect(error?.problem.contains(Self.bad[index].problem) == true, "\(error?.problem ?? "")")
  }

  private func withFolder(names: String?, _ body: (_ folder: String) throws -> Void) throws {
    try withTemporaryFolder { folder in
      try write(idxFile([2, 1, 2], [1, 2, 3, 4]), to: "\(folder)/train-images-idx3-ubyte")
      try write(idxFile([2], [0, 11]), to: "\(folder)/train-labels-idx1-ubyte")
      try write(idxFile([1, 1, 2], [5, 6]), to: "\(folder)/t10k-images-idx3-ubyte")
      try write(idxFile([1], [1]), to: "\(folder)/t10k-labels-idx1-ubyte")
      if let names { try write(Array(names.utf8), to: "\(folder)/names.txt") }
      try body(folder)
    }
  }

  @Test func aDataSetHasTheNamesOfItsFolder() throws {
    let months = (1...12).map { "month \($0)" }
    try withFolder(names: months.joined(separator: "\n")) { folder in
      for folder in [folder, folder + "/"] {
        let source = DataSource.folder(folder)
        let (own, all) = (try source.names(), try source.load())
        #expect(own == months && all.names == months)
      }
      #expect(DataSource.folder(folder).files.contains("\(folder)/names.txt"))
    }
  }

  /// The names say which labels there may be, unless the caller has others.
  @Test func aLabelBeyondTheNamesIsRefused() throws {
    try withFolder(names: "cat\ndog\n") { folder in
      let error = fileError { _ = try DataSource.folder(folder).load() }
      #expect(error?.problem == "expected labels of 0 to 1, found 11 at index 1")
      let data = try DataSource.folder(folder).load(names: 12)
      #expect(data.names == ["cat", "dog"])
    }
  }

  @Test func aFolderWithoutNamesHasTheDigits() throws {
    try withFolder(names: nil) { folder in
      let names = try DataSource.folder(folder).names()
      #expect(names == nil)
      let error = fileError { _ = try DataSource.folder(folder).load() }
      #expect(error?.problem == "expected labels of 0 to 9, found 11 at index 1")
      let data = try DataSource.folder(folder).load(names: 12)
      #expect(data.names == Vocabulary.digitNames)
    }
  }

  @Test func aFileThatIsTooLargeOrNoFileIsRefused() throws {
    try withFolder(names: String(repeating: "x", count: 65_537)) { folder in
      let error = fileError { _ = try DataSource.folder(folder).names() }
      #expect(
        error == FileError(.malformed, path: "\(folder)/names.txt", "expected at most 65536 bytes, found 65537"))
      try FileManager.default.removeItem(atPath: "\(folder)/names.txt")
      try FileManager.default.createSymbolicLink(
        atPath: "\(folder)/names.txt", withDestinationPath: "\(folder)/nothing")
      #expect(fileError { _ = try DataSource.folder(folder).names() }?.kind == .missing)
    }
  }
}
