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
  /// What zlib needs to inflate, about (https://zlib.net/zlib_tech.html).
  private static let inflateMemory = 44 << 10

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
  mutating func read(_ count: Int) throws(FileError) -> [UInt8] {
    guard count / Self.greatestRatio <= compressed.count else {
      throw malformed("expected \(produced + count) bytes of content, found a file of \(compressed.count)")
    }
    try requireMemory(count, for: path)
    var result = [UInt8](repeating: 0, count: count)
    var filled = 0
    while filled < count {
      let step = try inflateStep(into: &result, from: filled)
      if step == 0 {
        throw malformed(
          "expected \(produced + count) bytes of content, found \(produced + filled), \(ended ? "complete" : "truncated")"
        )
      }
      filled += step
    }
    produced += count
    return result
  }

  /// Demands that the content ends here, its checksum is right and the file has no further byte.
  mutating func finish() throws(FileError) {
    var beyond: [UInt8] = [0]
    guard try inflateStep(into: &beyond, from: 0) == 0 else {
      throw malformed("expected \(produced) bytes of content, found more")
    }
    guard ended else { throw malformed("expected a gzip trailer, found the file truncated") }
    guard consumed == compressed.count else {
      throw malformed("expected nothing after the gzip member, found \(compressed.count - consumed) bytes")
    }
  }

  /// Inflates into `output[start...]` and returns how many bytes came, 0 only at the end of the content or the file.
  private mutating func inflateStep(into output: inout [UInt8], from start: Int) throws(FileError) -> Int {
    guard let stream, !ended else { return 0 }
    let offered = min(compressed.count - consumed, Int(UInt32.max))
    let room = min(output.count - start, Int(UInt32.max))
    let status = compressed.withUnsafeBufferPointer { input in
      output.withUnsafeMutableBufferPointer { output in
        // zlib reads next_in and writes next_out only; its C type lacks the const.
        stream.pointee.next_in = input.baseAddress.map { UnsafeMutablePointer(mutating: $0 + consumed) }
        stream.pointee.avail_in = UInt32(offered)
        stream.pointee.next_out = output.baseAddress.map { $0 + start }
        stream.pointee.avail_out = UInt32(room)
        return inflate(stream, Z_NO_FLUSH)
      }
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
