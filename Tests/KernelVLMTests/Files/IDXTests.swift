import Foundation
@testable import KernelVLM
@testable import KernelVLMCore
import Testing

struct IDXTests {
  private let values = [UInt8](1...18)

  private func problem(_ content: [UInt8], rank: Int = 3) -> String? {
    let error = fileError { _ = try IDX(content: content, rank: rank, path: "digits") }
    #expect(error?.kind == .malformed && error?.path == "digits")
    return error?.problem
  }

  @Test func aRawFileKeepsItsDimensionsAndValues() throws {
    let idx = try IDX(content: idxFile([2, 3, 3], values), rank: 3, path: "digits")
    #expect(idx.dimensions == [2, 3, 3] && idx.bytes == values)
  }

  @Test func aGzipFileHasTheSameContentAndHashAsARawOne() throws {
    let raw = try IDX(content: idxFile([2, 3, 3], values), rank: 3, path: "digits")
    #expect(try IDX(content: storedGzip(idxFile([2, 3, 3], values)), rank: 3, path: "digits") == raw)
    #expect(raw.sha256 == "484a0706f1829103bc2ee346a742c6b121e4229e084ce1a4d5d2fcc96c64e421")
  }

  @Test func aFileOfTheOtherRankIsRefusedByItsMagic() {
    #expect(
      problem(idxFile([18], values))
        == "expected magic 2051 (0x00000803: unsigned bytes, rank 3), found 2049 (0x00000801)")
    #expect(
      problem(idxFile([2, 3, 3], values), rank: 1)
        == "expected magic 2049 (0x00000801: unsigned bytes, rank 1), found 2051 (0x00000803)")
  }

  @Test(arguments: [(0, UInt8(1), "0x01000803"), (1, 2, "0x00020803"), (2, 0x0d, "0x00000d03"), (3, 4, "0x00000804")])
  func anyWrongByteOfTheMagicIsRefused(at index: Int, byte: UInt8, found: String) {
    var content = idxFile([2, 3, 3], values)
    content[index] = byte
    #expect(problem(content)?.contains(found) == true)
  }

  @Test func anEmptyDimensionIsRefused() {
    #expect(problem(idxFile([2, 0, 3], [])) == "expected dimensions of 1 to 2147483648 values, found 2 x 0 x 3")
  }

  @Test func dimensionsWhoseProductOverflowsAreRefused() {
    let huge = idxFile([0xffff_ffff, 0xffff_ffff, 0xffff_ffff], values)
    #expect(problem(huge)?.hasSuffix("found 4294967295 x 4294967295 x 4294967295") == true)
    #expect(problem(storedGzip(huge))?.hasSuffix("found 4294967295 x 4294967295 x 4294967295") == true)
  }

  @Test func aTruncatedFileIsRefusedAtEveryLength() {
    let content = idxFile([2, 3, 3], values)
    #expect(problem([])?.hasSuffix("found an empty file: copy or download it again") == true)
    for length in 1..<16 {
      #expect(problem(Array(content.prefix(length))) == "expected 16 bytes of header, found \(length)")
    }
    for length in 16..<34 { #expect(problem(Array(content.prefix(length))) == "expected 34 bytes, found \(length)") }
  }

  @Test func trailingBytesAreRefused() {
    #expect(problem(idxFile([2, 3, 3], values) + [0]) == "expected 34 bytes, found 35")
    #expect(problem(storedGzip(idxFile([2, 3, 3], values + [0]))) == "expected 34 bytes of content, found more")
  }

  @Test func valuesAreCheckedPieceByPieceToTheChecksum() throws {
    // 1 + 600 * 258 zeros. The piece that ends with a wrong checksum is not handed out.
    let bits = DeflateBits.fixed { bits in
      for byte in idxFile([154_801], [0]) { bits.symbol(Int(byte)) }
      for _ in 0..<600 { bits.match(of: 258, distanceCode: 0) }
      bits.symbol(256)
    }
    let file = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255] + bits.bytes + [UInt8](repeating: 0, count: 8)
    let content = try IDXContent(file, rank: 1, path: "digits")
    var pieces: [Range<Int>] = []
    let error = fileError { () throws(FileError) in
      try content.check { first, piece in pieces.append(first..<first + piece.count) }
    }
    #expect(pieces == [0..<65_536, 65_536..<131_072])
    #expect(error?.problem.hasSuffix("incorrect data check") == true)
  }

  @Test func theSiblingWithOrWithoutGzIsReadWhereTheNamedFileIsMissing() throws {
    try withTemporaryFolder { folder in
      try write(storedGzip(idxFile([2], [7, 8])), to: "\(folder)/a.gz")
      try write(idxFile([2], [5, 6]), to: "\(folder)/b")
      #expect(try IDX(path: "\(folder)/a", rank: 1).bytes == [7, 8])
      #expect(try IDX(path: "\(folder)/b.gz", rank: 1).bytes == [5, 6])
      try write(idxFile([2], [3, 4]), to: "\(folder)/a")
      #expect(try IDX(path: "\(folder)/a", rank: 1).bytes == [3, 4], "the named file comes first")
    }
  }

  @Test func aMissingFileIsNamedWithItsSibling() throws {
    try withTemporaryFolder { folder in
      let error = fileError { _ = try IDX(path: "\(folder)/none", rank: 1) }
      #expect(error?.kind == .missing && error?.path == "\(folder)/none")
      #expect(error?.problem == "expected an IDX file, found none here or at \(folder)/none.gz")
    }
  }

  @Test func aFolderInPlaceOfAFileIsRefused() throws {
    try withTemporaryFolder { folder in
      let error = fileError { _ = try IDX(path: folder, rank: 1) }
      #expect(error?.kind == .missing && error?.problem.contains("expected a regular file, found a") == true)
    }
  }
}
