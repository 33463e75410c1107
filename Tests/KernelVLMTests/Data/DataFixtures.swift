import Foundation
import KernelVLM
import Testing

/// The bytes of a big-endian word.
func bigEndian(_ word: UInt32) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> $0) } }

/// An IDX file of these dimensions and values.
func idxFile(_ dimensions: [Int], _ values: [UInt8]) -> [UInt8] {
  bigEndian(0x800 + UInt32(dimensions.count)) + dimensions.flatMap { bigEndian(UInt32($0)) } + values
}

/// A gzip file written out by hand (RFC 1951 and 1952): stored blocks of at most 65,535 bytes, CRC-32 and length.
/// - Parameter isWhole: whether the last block is marked so and followed by these two.
func storedGzip(_ content: [UInt8], isWhole: Bool = true) -> [UInt8] {
  let ends = stride(from: 65_535, to: content.count, by: 65_535) + [content.count]
  var (blocks, start): ([UInt8], Int) = ([], 0)
  for end in ends {
    let length = UInt16(end - start)
    blocks += [isWhole && end == content.count ? 1 : 0, UInt8(length & 255), UInt8(length >> 8)]
    blocks += [UInt8(~length & 255), UInt8(~length >> 8)] + content[start..<end]
    start = end
  }
  let file = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255] + blocks
  return isWhole ? file + (bigEndian(UInt32(content.count)) + bigEndian(crc32(content))).reversed() : file
}

/// CRC-32 of gzip (RFC 1952).
func crc32(_ bytes: [UInt8]) -> UInt32 {
  ~bytes.reduce(UInt32.max) { crc, byte in
    (0..<8).reduce(crc ^ UInt32(byte)) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ 0xedb8_8320 : crc >> 1 }
  }
}

/// A new empty folder, removed with everything in it when the body ends.
func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("kernelvlm-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder.path)
}

func write(_ bytes: [UInt8], to path: String) throws {
  try Data(bytes).write(to: URL(fileURLWithPath: path))
}

/// The `FileError` that `body` throws; a failure of the test where it throws none.
func fileError(_ body: () throws -> Void) -> FileError? {
  #expect(throws: FileError.self) { try body() }
}
