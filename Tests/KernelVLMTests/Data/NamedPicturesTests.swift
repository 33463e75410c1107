import Foundation
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

@Suite struct NamedPicturesTests {
  @Test func aPictureHasTheNameOfItsFolderAndNamesAreInAlphabeticOrder() throws {
    let named = try NamedPictures(["a/dogs/1.png", "a/cats/1.png", "b/dogs/x.jpg"])
    #expect(named.names == ["cats", "dogs"] && named.labels == [1, 0, 1] && !named.areNumerals)
  }

  @Test func namesOfDigitsAreInTheirOrderAndAllTen() throws {
    let named = try NamedPictures(["x/two/1.png", "x/one/1.png"])
    #expect(named.names == Vocabulary.digitNames && named.labels == [2, 1] && !named.areNumerals)
  }

  @Test func foldersCalledByNumeralsAreDigits() throws {
    let named = try NamedPictures(["x/7/1.png", "x/0/1.png"])
    #expect(named.names == Vocabulary.digitNames && named.labels == [7, 0] && named.areNumerals)
    let others = try NamedPictures(["x/7/1.png", "x/10/1.png"])
    #expect(others.names == ["10", "7"] && others.labels == [1, 0] && !others.areNumerals)
  }

  /// A path without a folder lies in the working folder.
  @Test func aPathIsTakenFromTheWorkingFolder() throws {
    let folder = URL(filePath: FileManager.default.currentDirectoryPath).lastPathComponent
    #expect(try NamedPictures(["1.png", "./2.png", "x/../3.png"]).names == [folder])
  }

  @Test func tooManyNamesAreRefused() throws {
    #expect(try NamedPictures((0..<256).map { "n\($0)/1.png" }).names.count == 256)
    let error = #expect(throws: FileError.self) { try NamedPictures((0..<257).map { "n\($0)/1.png" }) }
    #expect(error?.kind == .malformed && error?.problem.contains("257") == true, "\(String(describing: error))")
  }

  /// ⌊(k + 1) 0.4⌋ > ⌊k 0.4⌋ for k of 2 and 4, for each name by itself.
  @Test func aShareOfEachNameIsForTesting() throws {
    let paths = (0..<5).flatMap { ["cats/\($0).png", "dogs/\($0).png"] }
    let areTest = try NamedPictures(paths).areTest(share: 0.4)
    #expect(areTest.indices.filter { areTest[$0] } == [4, 5, 8, 9])
    #expect(try NamedPictures(paths).areTest(share: 0).allSatisfy { !$0 })
    #expect(try NamedPictures(paths).areTest(share: 1).allSatisfy { $0 })
  }

  @Test func picturesOfAFolderAreFoundBelowItAndSorted() throws {
    try withTemporaryFolder { folder in
      for name in ["b/2.PNG", "b/1.jpeg", "a.jpg", "b/note.txt", ".hidden.png", "c/d/e.png"] {
        let path = URL(filePath: "\(folder)/\(name)")
        try FileManager.default.createDirectory(at: path.deletingLastPathComponent(), withIntermediateDirectories: true)
        try write([1], to: path.path)
      }
      let found = try PictureFolder.pictures(in: folder).map { String($0.dropFirst(folder.count + 1)) }
      #expect(found == ["a.jpg", "b/1.jpeg", "b/2.PNG", "c/d/e.png"])
      #expect(try PictureFolder.pictures(in: folder + "/").count == 4)
      #expect(PictureFolder.isFolder(folder) && !PictureFolder.isFolder("\(folder)/a.jpg"))
    }
  }

  @Test func aFolderWithoutPicturesOrWithACircleIsRefused() throws {
    try withTemporaryFolder { folder in
      try write([1], to: "\(folder)/note.txt")
      let empty = #expect(throws: FileError.self) { try PictureFolder.pictures(in: folder) }
      #expect(empty?.kind == .missing && empty?.problem.contains("note.txt") == true)
      try FileManager.default.createSymbolicLink(atPath: "\(folder)/loop", withDestinationPath: folder)
      let circle = #expect(throws: FileError.self) { try PictureFolder.pictures(in: folder) }
      #expect(circle?.problem == "expected folders at most 16 deep, found more")
      let nowhere = #expect(throws: FileError.self) { try PictureFolder.pictures(in: "\(folder)/none") }
      #expect(nowhere?.kind == .missing)
    }
  }
}
