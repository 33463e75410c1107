/// The content of an IDX file, raw or gzip, whose header has been read and whose values have not.
struct IDXContent: ~Copyable {
  /// The file that was read, which may be the sibling of the one that was asked for.
  let path: String
  /// The length of each dimension, all above 0.
  let dimensions: [Int]
  private var content: [UInt8]
  private let isGzip: Bool

  /// Values are kept before all of them have been checked if there are at most so many to a byte of the file: MNIST's images
  /// have 4.8, others mostly less, and a bomb up to 1032.
  private static let uncheckedRatio = 8
  /// Or if they take at most so many bytes more than the file.
  private static let uncheckedExcess = 8 << 20

  /// - Throws: `FileError`, `missing` or `malformed`.
  init(path: String, rank: Int) throws(FileError) {
    guard let existing = IDX.existingFile(path) else {
      throw FileError(.missing, path: path, "expected an IDX file, found none here or at \(IDX.sibling(path))")
    }
    try self.init(
      readFile(at: existing, sizeLimit: IDX.greatestCount + 4 + 4 * rank), rank: rank, path: existing)
  }

  /// - Parameter path: the file's name, for errors.
  init(_ content: consuming [UInt8], rank: Int, path: String) throws(FileError) {
    let isGzip = GzipReader.isGzip(content)
    let dimensions = try Self.dimensions(of: content, isGzip: isGzip, rank: rank, path: path)
    self.content = content
    self.path = path
    self.isGzip = isGzip
    self.dimensions = dimensions
  }

  /// How many values there are, the product of `dimensions`.
  var count: Int { dimensions.reduce(1, *) }

  private var headerLength: Int { 4 + 4 * dimensions.count }

  /// Reads to the end and keeps nothing; `body` gets the values piece by piece, with the index of each piece's first.
  /// - Throws: `FileError`, `malformed` where the content is damaged or of another length than its header says; what
  ///   `body` throws.
  func check(
    _ body: (_ first: Int, ArraySlice<UInt8>) throws(FileError) -> Void = { _, _ in }
  ) throws(FileError) {
    guard isGzip else { return try body(0, content.dropFirst(headerLength)) }
    var reader = try GzipReader(content, path: path)
    _ = try reader.read(headerLength)
    var first = 0
    try reader.read(count) { piece throws(FileError) in
      try body(first, piece)
      first += piece.count
    }
    try reader.finish()
  }

  /// The values, row-major: those of a raw file in the memory that it was read into. Of a bad file no more is kept in
  /// memory than its size, and for gzip 8 times that or 8 MiB. Above these gzip is inflated twice, at first only to check.
  ///
  /// `follow` gets them piece by piece, in their order; while the next are inflated, if there are two `threads`.
  consuming func values(
    threads: Int = 1, _ follow: (UnsafeRawBufferPointer) -> Void = { _ in }
  ) throws(FileError) -> [UInt8] {
    guard isGzip else {
      var values: [UInt8] = []
      let headerLength = headerLength
      swap(&values, &content)
      values.removeFirst(headerLength)
      values.withUnsafeBytes(follow)
      return values
    }
    if count > max(content.count * Self.uncheckedRatio, content.count + Self.uncheckedExcess) { try check() }
    var reader = try GzipReader(content, path: path)
    _ = try reader.read(headerLength)
    let values = try reader.read(count, threads: threads, follow)
    try reader.finish()
    return values
  }

  private static func dimensions(
    of content: [UInt8], isGzip: Bool, rank: Int, path: String
  ) throws(FileError) -> [Int] {
    let headerLength = 4 + 4 * rank
    let length = ForeignFile.headLength
    let head = isGzip ? try GzipReader.head(of: content, length, path: path) : Array(content.prefix(length))
    // Zeros are how IDX begins, of whatever type and rank.
    let isForeign = !head.starts(with: [0, 0]) && !(isGzip && head.isEmpty)
    if isForeign, let foreign = ForeignFile.identify(head) {
      let found = foreign.found(as: .data, insideGzip: isGzip)
      throw FileError(.malformed, path: path, "\(expectedMagic(rank: rank)), found \(found)")
    }
    if isGzip, head.count < headerLength {
      // Says whether the file is cut or ends there.
      var reader = try GzipReader(content, path: path)
      _ = try reader.read(headerLength)
    }
    let dimensions = try dimensions(header: Array(head.prefix(headerLength)), rank: rank, path: path)
    let expected = headerLength + dimensions.reduce(1, *)
    guard isGzip || content.count == expected else {
      throw FileError(.malformed, path: path, "expected \(expected) bytes, found \(content.count)")
    }
    return dimensions
  }

  private static func dimensions(header: [UInt8], rank: Int, path: String) throws(FileError) -> [Int] {
    guard header.count == 4 + 4 * rank else {
      throw FileError(.malformed, path: path, "expected \(4 + 4 * rank) bytes of header, found \(header.count)")
    }
    let words = stride(from: 0, to: header.count, by: 4).map { i in
      header[i..<i + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    }
    guard words[0] == IDX.magic(rank: rank) else {
      throw FileError(
        .malformed, path: path, "\(expectedMagic(rank: rank)), found \(words[0]) (\(hexadecimal(words[0])))")
    }
    let lengths = words.dropFirst().map(Int.init)
    guard lengths.allSatisfy({ $0 > 0 }), product(lengths) <= IDX.greatestCount else {
      let found = lengths.map(String.init).joined(separator: " x ")
      throw FileError(.malformed, path: path, "expected dimensions of 1 to \(IDX.greatestCount) values, found \(found)")
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

  private static func expectedMagic(rank: Int) -> String {
    let magic = IDX.magic(rank: rank)
    return "expected magic \(magic) (\(hexadecimal(magic)): unsigned bytes, rank \(rank))"
  }

  private static func hexadecimal(_ word: UInt32) -> String {
    let digits = String(word, radix: 16)
    return "0x" + String(repeating: "0", count: 8 - digits.count) + digits
  }
}
