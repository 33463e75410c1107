import Foundation

/// An array of unsigned bytes in the IDX format of MNIST (http://yann.lecun.com/exdb/mnist/).
///
/// A file is the magic 0x000008RR (type 08: unsigned byte; RR: rank), one big-endian 32-bit length for each dimension,
/// and the values, the last dimension running fastest. Strict: any other type or rank, an empty dimension, a missing or
/// a surplus byte is refused.
public struct IDX: Sendable, Equatable {
  /// More values than this are refused before memory is asked for (MNIST's largest file has 47,040,000).
  static let greatestCount = 1 << 31

  /// The length of each dimension, all above 0.
  public let dimensions: [Int]
  /// The values, row-major: as many as the product of `dimensions`.
  public let bytes: [UInt8]

  /// Reads the file at `path`, raw or gzip.
  ///
  /// A file that does not exist under this name is read from its sibling with ".gz" appended, or removed.
  /// - Throws: `FileError`, `missing` or `malformed`, with the path of the file that was read.
  public init(path: String, rank: Int) throws(FileError) {
    guard let existing = Self.existingFile(path) else {
      throw FileError(.missing, path: path, "expected an IDX file, found none here or at \(Self.sibling(path))")
    }
    let content = try readFile(at: existing, sizeLimit: Self.greatestCount + 4 + 4 * rank)
    try self.init(content: content, rank: rank, path: existing)
  }

  /// Reads the content of a file, raw or gzip; which of them is decided by its first two bytes, not by its name.
  /// - Parameter path: the file's name, for errors.
  public init(content: [UInt8], rank: Int, path: String) throws(FileError) {
    let headerLength = 4 + 4 * rank
    if content.starts(with: [0x1f, 0x8b]) {
      var reader = try GzipReader(content, path: path)
      dimensions = try Self.dimensions(header: reader.read(headerLength), rank: rank, path: path)
      bytes = try reader.read(dimensions.reduce(1, *))
      try reader.finish()
    } else {
      dimensions = try Self.dimensions(header: Array(content.prefix(headerLength)), rank: rank, path: path)
      let expected = headerLength + dimensions.reduce(1, *)
      guard content.count == expected else {
        throw FileError(.malformed, path: path, "expected \(expected) bytes, found \(content.count)")
      }
      try requireMemory(content.count, for: path)
      bytes = Array(content.dropFirst(headerLength))
    }
  }

  /// SHA-256 of the raw file: header and values, however they were compressed.
  public var sha256: String {
    var hash = SHA256()
    hash.update(Self.bigEndian(Self.magic(rank: dimensions.count)) + dimensions.flatMap { Self.bigEndian(UInt32($0)) })
    hash.update(bytes)
    return hash.hex()
  }

  /// The file at `path`, or else its sibling with ".gz" appended or removed, if one of them exists.
  static func existingFile(_ path: String) -> String? {
    [path, sibling(path)].first { FileManager.default.fileExists(atPath: $0) }
  }

  private static func sibling(_ path: String) -> String {
    path.hasSuffix(".gz") ? String(path.dropLast(3)) : path + ".gz"
  }

  private static func magic(rank: Int) -> UInt32 { 0x800 + UInt32(rank) }

  private static func dimensions(header: [UInt8], rank: Int, path: String) throws(FileError) -> [Int] {
    guard header.count == 4 + 4 * rank else {
      throw FileError(.malformed, path: path, "expected \(4 + 4 * rank) bytes of header, found \(header.count)")
    }
    let words = stride(from: 0, to: header.count, by: 4).map { i in
      header[i..<i + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    }
    guard words[0] == magic(rank: rank) else {
      let expected = "\(magic(rank: rank)) (\(hexadecimal(magic(rank: rank))): unsigned bytes, rank \(rank))"
      throw FileError(
        .malformed, path: path, "expected magic \(expected), found \(words[0]) (\(hexadecimal(words[0])))")
    }
    let lengths = words.dropFirst().map(Int.init)
    guard lengths.allSatisfy({ $0 > 0 }), product(lengths) <= greatestCount else {
      let found = lengths.map(String.init).joined(separator: " x ")
      throw FileError(.malformed, path: path, "expected dimensions of 1 to \(greatestCount) values, found \(found)")
    }
    return lengths
  }

  /// The product, or `Int.max` where it does not fit.
  private static func product(_ lengths: [Int]) -> Int {
    lengths.reduce(1) { product, length in
      let (value, overflow) = product.multipliedReportingOverflow(by: length)
      return overflow ? .max : value
    }
  }

  private static func bigEndian(_ word: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> $0) }
  }

  private static func hexadecimal(_ word: UInt32) -> String {
    let digits = String(word, radix: 16)
    return "0x" + String(repeating: "0", count: 8 - digits.count) + digits
  }
}
