import Foundation
import Testing

/// Pictures written out by hand.
enum PictureBytes {
  static let pngSignature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  /// A chunk of PNG: length, type, content and their CRC-32.
  static func chunk(_ type: String, _ content: [UInt8] = []) -> [UInt8] {
    let body = Array(type.utf8) + content
    return bigEndian(UInt32(content.count)) + body + bigEndian(crc32(body))
  }

  /// IHDR: width, height, then depth, colour type, compression, filter and interlacing.
  static func header(_ width: UInt32 = 2, _ height: UInt32 = 2, _ rest: [UInt8] = [8, 0, 0, 0, 0]) -> [UInt8] {
    chunk("IHDR", bigEndian(width) + bigEndian(height) + rest)
  }

  /// zlib's format (RFC 1950) around one stored block: two bytes of header, Adler-32 at its end.
  static func zlib(_ content: [UInt8]) -> [UInt8] {
    let length = UInt16(content.count)
    let (a, b) = content.reduce((UInt32(1), UInt32(0))) { sums, byte in
      let a = (sums.0 + UInt32(byte)) % 65_521
      return (a, (sums.1 + a) % 65_521)
    }
    let block = [1, UInt8(length & 255), UInt8(length >> 8), UInt8(~length & 255), UInt8(~length >> 8)] + content
    return [0x78, 1] + block + bigEndian(b << 16 | a)
  }

  /// Two rows of two grey pixels, each row after the number of its filter.
  static let rows: [UInt8] = [0, 10, 20, 0, 30, 40]
  static let data = chunk("IDAT", zlib(rows))
  static let end = chunk("IEND")
  /// The pixels 10, 20, 30 and 40.
  static let png = pngSignature + header() + data + end

  /// A PNG of these chunks.
  static func png(_ chunks: [UInt8]...) -> [UInt8] { pngSignature + chunks.flatMap { $0 } }

  /// A segment of JPEG: marker, length and content.
  static func segment(_ marker: UInt8, _ content: [UInt8]) -> [UInt8] {
    let length = content.count + 2
    return [0xFF, marker, UInt8(length >> 8), UInt8(length & 255)] + content
  }

  /// A block of EXIF that holds only the orientation, in an entry of this tag, type, count and value.
  static func exif(_ value: UInt8, tag: UInt8 = 0x12, type: UInt8 = 3, count: UInt8 = 1) -> [UInt8] {
    Array("MM\0*".utf8) + [0, 0, 0, 8, 0, 1, 1, tag, 0, type, 0, 0, 0, count, 0, value, 0, 0, 0, 0, 0, 0]
  }

  /// A progressive JPEG of 8 x 8 pixels, all of whose coefficients are 0: all pixels are 128.
  /// - Parameter acScans: how often the coefficients but the first are sent, at least once.
  static func jpeg(height: UInt16 = 8, width: UInt16 = 8, acScans: Int = 1, before: [UInt8] = []) -> [UInt8] {
    let size = [height, width].flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }
    // Huffman tables of one code of one bit, for the symbol 0: a difference of 0, or the end of a block.
    let tables = [0x00, 0x10].flatMap { segment(0xC4, [$0, 1] + [UInt8](repeating: 0, count: 16)) }
    let start =
      segment(0xDB, [0] + [UInt8](repeating: 1, count: 64)) + segment(0xC2, [8] + size + [1, 1, 0x11, 0]) + tables
    let dc = segment(0xDA, [1, 1, 0, 0, 0, 0]) + [0x7F]
    let ac = segment(0xDA, [1, 1, 0, 1, 63, 0]) + [0x7F]
    return [0xFF, 0xD8] + before + start + dc + [[UInt8]](repeating: ac, count: acScans).flatMap { $0 } + [0xFF, 0xD9]
  }
}

/// A picture among the fixtures, and what is to be seen on it: see Fixtures/PictureFormats/make.py.
struct PictureFixture: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let height: Int
  let width: Int
  /// How far a value may be off.
  let bound: Int
  let pixels: [UInt8]

  static let folder = Bundle.module.bundleURL.appendingPathComponent("Fixtures/PictureFormats").path

  static let all: [PictureFixture] = {
    let table = try? String(contentsOfFile: "\(folder)/expected.tsv", encoding: .utf8)
    return (table ?? "").split(separator: "\n").map { PictureFixture($0.split(separator: "\t").map(String.init)) }
  }()

  private init(_ fields: [String]) {
    testDescription = fields[0]
    (height, width, bound) = (Int(fields[1]) ?? 0, Int(fields[2]) ?? 0, Int(fields[3]) ?? 0)
    let digits = Array(fields[4])
    pixels = stride(from: 0, to: digits.count, by: 2).compactMap { UInt8(String(digits[$0...$0 + 1]), radix: 16) }
  }

  var path: String { "\(Self.folder)/\(testDescription)" }

  func bytes() throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }
}
