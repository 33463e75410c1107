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
    try self.init(IDXContent(path: path, rank: rank))
  }

  /// Reads the content of a file, raw or gzip; which of them is decided by its first two bytes, not by its name.
  /// - Parameters:
  ///   - content: the whole file.
  ///   - rank: how many dimensions it must have.
  ///   - path: the file's name, for errors.
  /// - Throws: `FileError.malformed`.
  public init(content: [UInt8], rank: Int, path: String) throws(FileError) {
    try self.init(IDXContent(content, rank: rank, path: path))
  }

  init(_ content: consuming IDXContent) throws(FileError) {
    dimensions = content.dimensions
    bytes = try content.values()
  }

  /// SHA-256 of the raw file: header and values, however they were compressed.
  public var sha256: String { Self.sha256(dimensions, bytes) }

  static func sha256(_ dimensions: [Int], _ bytes: [UInt8]) -> String {
    var hash = headerHash(dimensions)
    hash.update(bytes)
    return hash.hex()
  }

  /// SHA-256 of a raw file with these dimensions, which is to be fed the values.
  static func headerHash(_ dimensions: [Int]) -> SHA256 {
    var hash = SHA256()
    hash.update(header(dimensions))
    return hash
  }

  /// What stands before the values.
  static func header(_ dimensions: [Int]) -> [UInt8] {
    bigEndian(magic(rank: dimensions.count)) + dimensions.flatMap { bigEndian(UInt32($0)) }
  }

  /// The file at `path`, or else its sibling with ".gz" appended or removed, if one of them exists.
  static func existingFile(_ path: String) -> String? {
    [path, sibling(path)].first { FileManager.default.fileExists(atPath: $0) }
  }

  static func sibling(_ path: String) -> String {
    path.hasSuffix(".gz") ? String(path.dropLast(3)) : path + ".gz"
  }

  static func magic(rank: Int) -> UInt32 { 0x800 + UInt32(rank) }

  private static func bigEndian(_ word: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> $0) }
  }
}

extension LabelledImages {
  /// SHA-256 of the raw IDX file that holds the images.
  public var sha256OfImagesFile: String { IDX.sha256([count, size.height, size.width], images) }
  /// SHA-256 of the raw IDX file that holds the labels.
  public var sha256OfLabelsFile: String { IDX.sha256([labels.count], labels) }
}
