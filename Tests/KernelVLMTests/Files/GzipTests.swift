import Foundation
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

struct GzipTests {
  /// `gzip.compress(idx, 9, mtime=0)` of Python 3.11 for the IDX file of 2 x 3 x 3 values 1...18.
  private let deflated = [UInt8](
    Data(base64Encoded: "H4sIAAAAAAACA2Ng4GBmYGBgAmIQzczIxMzCysbOwcnFzcPLxy8gKAQAYT1b3yIAAAA=") ?? Data())
  private let content = idxFile([2, 3, 3], [UInt8](1...18))

  private func read(_ file: [UInt8], _ pieces: [Int]) throws(FileError) -> [UInt8] {
    var reader = try GzipReader(file, path: "digits.gz")
    var result: [UInt8] = []
    for piece in pieces { result += try reader.read(piece) }
    try reader.finish()
    return result
  }

  private func problem(_ file: [UInt8], _ pieces: [Int]) -> String? {
    let error = fileError { _ = try read(file, pieces) }
    #expect(error?.kind == .malformed && error?.path == "digits.gz")
    return error?.problem
  }

  @Test(arguments: [[34], [16, 18], [0, 1, 33], [Int](repeating: 1, count: 34)])
  func piecesOfAnyLengthGiveTheContent(pieces: [Int]) throws {
    #expect(try read(deflated, pieces) == content)
    #expect(try read(storedGzip(content), pieces) == content)
  }

  @Test func whatFollowsGetsEveryPieceInOrder() throws {
    let content = (0..<4_200_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }
    let file = storedGzip(content)
    func followed(_ file: [UInt8], threads: Int) throws(FileError) -> [UInt8] {
      var reader = try GzipReader(file, path: "digits.gz")
      var followed: [UInt8] = []
      let bytes = try reader.read(content.count, threads: threads) { followed += $0 }
      #expect(bytes == content)
      try reader.finish()
      return followed
    }
    for threads in [1, 2] {
      #expect(try followed(file, threads: threads) == content)
      let error = fileError { _ = try followed(Array(file.prefix(3_000_000)), threads: threads) }
      #expect(error?.problem == "expected 4200000 bytes of content, found 2999760, truncated")
    }
  }

  @Test func everyOptionalFieldOfTheHeaderIsPassedOver() throws {
    let extra = [255, 255] + [UInt8](repeating: 7, count: 65_535)
    let start = [0x1F, 0x8B, 8, 0x1F, 1, 2, 3, 4, 2, 3] + extra + Array("name\0comment\0".utf8)
    let checksum = crc32(start)
    let header = start + [UInt8(checksum & 255), UInt8(checksum >> 8 & 255)]
    #expect(try read(header + storedGzip(content).dropFirst(10), [34]) == content)
    for length in stride(from: 10, to: header.count, by: 499) {
      #expect(problem(Array(header.prefix(length)), [34])?.hasSuffix("truncated") == true)
    }
  }

  @Test func contentThatIsNotKeptIsReadTheSame() throws {
    var reader = try GzipReader(deflated, path: "digits.gz")
    var bytes: [UInt8] = []
    try reader.read(content.count) { bytes += $0 }
    try reader.finish()
    #expect(bytes == content)
    var short = try GzipReader(deflated, path: "digits.gz")
    let error = fileError { () throws(FileError) in try short.read(35) { _ in } }
    #expect(error?.problem == "expected 35 bytes of content, found 34, complete")
  }

  @Test func contentBeyondTheAskedLengthIsRefused() {
    #expect(problem(deflated, [33]) == "expected 33 bytes of content, found more")
  }

  @Test func contentShorterThanAskedIsRefused() {
    #expect(problem(deflated, [16, 19]) == "expected 35 bytes of content, found 34, complete")
  }

  @Test func aLengthThatTheFileCannotHoldIsRefusedBeforeMemoryIsAskedFor() {
    #expect(problem(deflated, [1 << 40])?.hasSuffix("found a file of \(deflated.count)") == true)
  }

  @Test func aTruncatedFileIsRefusedAtEveryLength() {
    for length in 0..<deflated.count {
      let found = problem(Array(deflated.prefix(length)), [34])
      #expect(found?.hasSuffix("truncated") == true, "\(length) bytes: \(found ?? "")")
    }
  }

  @Test func bytesAfterTheMemberAreRefused() {
    #expect(problem(deflated + [0], [34]) == "expected nothing after the gzip member, found 1 bytes")
    #expect(
      problem(deflated + deflated, [34]) == "expected nothing after the gzip member, found \(deflated.count) bytes")
  }

  @Test func aWrongChecksumOrLengthIsRefused() {
    var wrongChecksum = deflated
    wrongChecksum[deflated.count - 8] ^= 1
    #expect(problem(wrongChecksum, [34])?.hasSuffix("incorrect data check") == true)
    var wrongLength = deflated
    wrongLength[deflated.count - 1] ^= 1
    #expect(problem(wrongLength, [34])?.hasSuffix("incorrect length check") == true)
  }

  @Test func everyFlippedBitOfTheDeflatedDataIsNoticed() throws {
    for index in 10..<deflated.count {
      for bit in 0..<8 {
        var file = deflated
        file[index] ^= 1 << UInt8(bit)
        // The unused bits of the last deflated byte carry nothing.
        if let same = try? read(file, [34]) { #expect(same == content && index == deflated.count - 9) }
      }
    }
  }

  @Test func aFileThatIsNoGzipIsRefused() {
    #expect(problem(content, [34])?.contains("incorrect header check") == true)
  }
}
