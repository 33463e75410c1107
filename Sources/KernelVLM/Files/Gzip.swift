import CZlib
import Glibc

/// Reads a gzip file (RFC 1952) piece by piece, each piece as long as the caller says.
///
/// Because the caller names every length, a decompression bomb cannot grow: `finish` refuses whatever the last `read`
/// left over. Strict: one member, its CRC-32 and length right, and nothing after it.
struct GzipReader: ~Copyable {
  /// Deflate's greatest expansion: a file cannot hold more than this many times its own size
  /// (https://zlib.net/zlib_tech.html).
  static let greatestRatio = 1032
  /// Bytes of content that are held at once where it is not kept.
  private static let pieceLength = 1 << 16
  /// Bytes of content that two threads share at a time, which takes 1 % of the time to inflate them.
  private static let sharedLength = 2 << 20
  /// What zlib needs to inflate, about (https://zlib.net/zlib_tech.html).
  private static let inflateMemory = 44 << 10

  static func isGzip(_ file: [UInt8]) -> Bool { file.starts(with: [0x1f, 0x8b]) }

  private let path: String
  private let compressed: [UInt8]
  private var consumed = 0
  private var produced = 0
  private var ended = false
  /// On the heap, because zlib refuses a stream that has moved; nil only where there was no memory for it.
  private let stream: UnsafeMutablePointer<z_stream>?

  /// - Parameter path: the file's name, for errors.
  init(_ compressed: [UInt8], path: String) throws(FileError) {
    self.compressed = compressed
    self.path = path
    // All zero is what zlib asks for.
    stream = calloc(1, MemoryLayout<z_stream>.size)?.bindMemory(to: z_stream.self, capacity: 1)
    guard let stream else { throw FileError(memoryFor: MemoryLayout<z_stream>.size, path) }
    let gzipOnly = 16 + MAX_WBITS
    let status = inflateInit2_(stream, gzipOnly, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard status != Z_MEM_ERROR else { throw FileError(memoryFor: Self.inflateMemory, path) }
    guard status == Z_OK else { throw malformed("expected zlib \(ZLIB_VERSION), found status \(status)") }
  }

  deinit {
    inflateEnd(stream)
    free(stream)
  }

  /// The next `count` bytes of the content; throws where the file ends or is damaged before that.
  /// - Parameters:
  ///   - threads: with 2, a piece is followed while the next one is inflated.
  ///   - follow: gets the bytes piece by piece, in their order.
  mutating func read(
    _ count: Int, threads: Int = 1, _ follow: (UnsafeRawBufferPointer) -> Void = { _ in }
  ) throws(FileError) -> [UInt8] {
    let end = try end(of: count)
    try requireMemory(count, for: path)
    return try [UInt8](unsafeUninitializedCapacity: count) { bytes, written throws(FileError) in
      func piece(_ index: Int) -> Range<Int> {
        (index * Self.sharedLength..<(index + 1) * Self.sharedLength).clamped(to: 0..<count)
      }
      let pieces = (count + Self.sharedLength - 1) / Self.sharedLength
      var failure: FileError?
      for index in 0...pieces where failure == nil {
        let (next, last, ahead) = (piece(index), piece(index - 1), piece(index + 1))
        Threads.share(count: 2, threads: pieces > 1 ? threads : 1) { task, thread in
          if task == 0 {
            do throws(FileError) {
              while written < next.upperBound {
                written += try inflateStep(into: bytes, written..<next.upperBound, towards: end)
              }
            } catch {
              failure = error
            }
          } else {
            follow(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[last]))
            // The system hands out memory page by page when it is first written to; here that does not wait.
            if thread > 0 { stride(from: ahead.lowerBound, to: ahead.upperBound, by: 4096).forEach { bytes[$0] = 0 } }
          }
        }
      }
      if let failure { throw failure }
    }
  }

  /// The first `count` bytes of the content of `compressed`, or fewer where it or the file ends before.
  static func head(of compressed: [UInt8], _ count: Int, path: String) throws(FileError) -> [UInt8] {
    var reader = try GzipReader(compressed, path: path)
    return try [UInt8](unsafeUninitializedCapacity: count) { head, length throws(FileError) in
      while length < count, case let step = try reader.inflateStep(into: head, length..<count), step > 0 {
        length += step
      }
    }
  }

  /// The next `count` bytes like `read(_:)`, but in pieces that take little memory: for content that is not kept.
  mutating func read(
    _ count: Int, inPieces body: (ArraySlice<UInt8>) throws(FileError) -> Void
  ) throws(FileError) {
    let end = try end(of: count)
    var piece = [UInt8](repeating: 0, count: min(count, Self.pieceLength))
    while produced < end {
      let range = 0..<min(piece.count, end - produced)
      let length = try piece.withUnsafeMutableBufferPointer { piece throws(FileError) in
        try inflateStep(into: piece, range, towards: end)
      }
      try body(piece[..<length])
    }
  }

  /// Demands that the content ends here, its checksum is right and the file has no further byte.
  mutating func finish() throws(FileError) {
    var beyond: [UInt8] = [0]
    let step = try beyond.withUnsafeMutableBufferPointer { beyond throws(FileError) in
      try inflateStep(into: beyond, 0..<1)
    }
    guard step == 0 else {
      throw malformed("expected \(produced) bytes of content, found more")
    }
    guard ended else { throw malformed("expected a gzip trailer, found the file truncated") }
    guard consumed == compressed.count else {
      throw malformed("expected nothing after the gzip member, found \(compressed.count - consumed) bytes")
    }
  }

  /// Where the next `count` bytes end in the content; refuses what a file of this size cannot hold.
  private func end(of count: Int) throws(FileError) -> Int {
    guard count / Self.greatestRatio <= compressed.count else {
      throw malformed("expected \(produced + count) bytes of content, found a file of \(compressed.count)")
    }
    return produced + count
  }

  /// Inflates into `output[range]` and returns how many bytes came, at least 1: the content must go on to `end`.
  private mutating func inflateStep(
    into output: UnsafeMutableBufferPointer<UInt8>, _ range: Range<Int>, towards end: Int
  ) throws(FileError) -> Int {
    let step = try inflateStep(into: output, range)
    guard step > 0 else {
      throw malformed(
        "expected \(end) bytes of content, found \(produced), \(ended ? "complete" : "truncated")")
    }
    produced += step
    return step
  }

  /// Inflates into `output[range]` and returns how many bytes came, 0 only at the end of the content or the file.
  private mutating func inflateStep(
    into output: UnsafeMutableBufferPointer<UInt8>, _ range: Range<Int>
  ) throws(FileError) -> Int {
    guard let stream, !ended else { return 0 }
    let offered = min(compressed.count - consumed, Int(UInt32.max))
    let room = min(range.count, Int(UInt32.max))
    let status = compressed.withUnsafeBufferPointer { input in
      // zlib reads next_in and writes next_out only; its C type lacks the const.
      stream.pointee.next_in = input.baseAddress.map { UnsafeMutablePointer(mutating: $0 + consumed) }
      stream.pointee.avail_in = UInt32(offered)
      stream.pointee.next_out = output.baseAddress.map { $0 + range.lowerBound }
      stream.pointee.avail_out = UInt32(room)
      return inflate(stream, Z_NO_FLUSH)
    }
    consumed += offered - Int(stream.pointee.avail_in)
    ended = status == Z_STREAM_END
    guard status != Z_MEM_ERROR else { throw FileError(memoryFor: Self.inflateMemory, path) }
    guard ended || status == Z_OK || status == Z_BUF_ERROR else {
      let reason = stream.pointee.msg.map { String(cString: $0) } ?? "zlib status \(status)"
      throw malformed("expected gzip data, found damage before byte \(consumed): \(reason)")
    }
    return room - Int(stream.pointee.avail_out)
  }

  private func malformed(_ problem: String) -> FileError { FileError(.malformed, path: path, problem) }
}
