/// Gzip files that no IDX file comes out of.
extension BadFile {
  static let gzip = gzipHeaders + deflate + gzipTrailers + contents + bombs

  private static func gzip(_ name: String, _ bytes: [UInt8], _ problem: String) -> BadFile {
    BadFile("gzip: \(name)", .data("train-images-idx3-ubyte.gz"), bytes: bytes, problem)
  }

  private static let good = storedGzip(goodImages)

  /// A header with these flags and what they announce, and then the rest of the good file.
  private static func header(_ name: String, flags: UInt8, _ fields: [UInt8], _ problem: String) -> BadFile {
    gzip(name, [0x1F, 0x8B, 8, flags, 0, 0, 0, 0, 0, 255] + fields + good.dropFirst(10), problem)
  }

  private static let gzipHeaders: [BadFile] = [
    gzip("magic alone", [0x1F, 0x8B], "expected 16 bytes of content, found 0, truncated"),
    gzip("header cut", Array(good.prefix(9)), "expected 16 bytes of content, found 0, truncated"),
    gzip("header alone", Array(good.prefix(10)), "expected 16 bytes of content, found 0, truncated"),
    gzip("method 7", [0x1F, 0x8B, 7] + good.dropFirst(3), "unknown compression method"),
    header("flag 5", flags: 0x20, [], "unknown header flags set"),
    header("flag 7", flags: 0x80, [], "unknown header flags set"),
    header("wrong header checksum", flags: 2, [0, 0], "header crc mismatch"),
    header("extra field over the end", flags: 4, [255, 255], "expected 16 bytes of content, found 0, truncated"),
    header(
      "largest extra field, and nothing", flags: 4, [255, 255] + [UInt8](repeating: 0, count: 65_535 - 37),
      "expected 16 bytes of content, found 0, truncated"),
    header("extra field of one byte too many", flags: 4, [1, 0], "expected gzip data, found damage before byte"),
    header(
      "name without an end", flags: 8, [UInt8](repeating: 97, count: 1_000_000) + [97],
      "expected gzip data, found damage"),
    header(
      "comment within a name", flags: 24, Array("name\0comment".utf8), "expected gzip data, found damage before byte"),
    gzip(
      "name to the end", [0x1F, 0x8B, 8, 8, 0, 0, 0, 0, 0, 255] + [UInt8](repeating: 97, count: 1_000_000),
      "expected 16 bytes of content, found 0, truncated"),
  ]

  /// A file whose deflated data is these bits; its trailer is never reached.
  private static func deflate(_ name: String, _ bits: DeflateBits, _ problem: String) -> BadFile {
    gzip(name, [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255] + bits.bytes + [UInt8](repeating: 0, count: 8), problem)
  }

  /// A last block of type 2: how many literal, distance and length codes there are, the lengths of the latter, and what
  /// follows.
  private static func dynamic(
    _ literals: Int, _ distances: Int, _ lengths: [Int], _ codes: [(Int, Int)] = []
  ) -> DeflateBits {
    var bits = DeflateBits([(1, 1), (2, 2), (literals - 257, 5), (distances - 1, 5), (lengths.count - 4, 4)])
    for length in lengths { bits.put(length, 3) }
    for (value, count) in codes { bits.put(value, count) }
    return bits
  }

  /// Lengths of the length codes 0 and 18, one bit each: 0 is "0", 18 is "1" and seven bits of a repeat.
  private static let zeros = [0, 0, 1, 1]
  /// Of the length codes 1 and 18.
  private static let onesAndZeros = [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]

  private static let deflate: [BadFile] = [
    deflate("block of type 3", DeflateBits([(1, 1), (3, 2)]), "invalid block type"),
    deflate("stored lengths that disagree", DeflateBits([(1, 8), (24, 16), (24, 16)]), "invalid stored block lengths"),
    deflate("288 literal codes", dynamic(288, 1, zeros), "too many length or distance symbols"),
    deflate("31 distance codes", dynamic(257, 31, zeros), "too many length or distance symbols"),
    deflate("too many length codes", dynamic(257, 1, [1, 1, 1, 1]), "invalid code lengths set"),
    deflate("too few length codes", dynamic(257, 1, [2, 0, 0, 0]), "invalid code lengths set"),
    deflate("repeat of nothing", dynamic(257, 1, [1, 0, 0, 1], [(1, 1), (0, 2)]), "invalid bit length repeat"),
    deflate(
      "repeat beyond the codes", dynamic(257, 1, zeros, [(1, 1), (127, 7), (1, 1), (127, 7)]),
      "invalid bit length repeat"),
    deflate(
      "no end of block", dynamic(257, 1, zeros, [(1, 1), (127, 7), (1, 1), (109, 7)]), "missing end-of-block"),
    deflate(
      "too many literal codes",
      dynamic(257, 1, onesAndZeros, [(0, 3), (1, 1), (127, 7), (1, 1), (104, 7), (0, 1), (0, 1)]),
      "invalid literal/lengths set"),
    deflate(
      "too many distance codes",
      dynamic(257, 3, onesAndZeros, [(0, 1), (1, 1), (127, 7), (1, 1), (106, 7), (0, 1), (0, 3)]),
      "invalid distances set"),
    deflate("literal code 286", .fixed { $0.symbol(286) }, "invalid literal/length code"),
    deflate("distance code 30", .fixed { $0.match(of: 3, distanceCode: 30) }, "invalid distance code"),
    deflate(
      "distance before the beginning", .fixed { $0.match(of: 3, distanceCode: 0) }, "invalid distance too far back"),
    gzip(
      "100,000 empty blocks",
      [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255] + (0..<100_000).flatMap { _ in [0, 0, 0, 255, 255] as [UInt8] },
      "expected 16 bytes of content, found 0, truncated"),
  ]

  private static let gzipTrailers: [BadFile] = [
    gzip("content cut", Array(good.dropLast(9)), "expected 24 bytes of content, found 23, truncated"),
    gzip("no trailer", Array(good.dropLast(8)), "expected a gzip trailer, found the file truncated"),
    gzip("half a trailer", Array(good.dropLast(4)), "expected a gzip trailer, found the file truncated"),
    gzip("trailer cut by one byte", Array(good.dropLast()), "expected a gzip trailer, found the file truncated"),
    gzip("wrong checksum", good.dropLast(8) + [0, 0, 0, 0] + good.suffix(4), "incorrect data check"),
    gzip("wrong length", good.dropLast(4) + [25, 0, 0, 0], "incorrect length check"),
    gzip("one byte too many", good + [0], "expected nothing after the gzip member, found 1 bytes"),
    gzip("padding", good + [UInt8](repeating: 0, count: 512), "after the gzip member, found 512 bytes"),
    gzip("two members", good + good, "after the gzip member, found \(good.count) bytes"),
    gzip("an empty member after it", good + storedGzip([]), "expected nothing after the gzip member, found 23 bytes"),
    gzip(
      "content in two members", storedGzip(Array(goodImages.prefix(20))) + storedGzip(Array(goodImages.suffix(4))),
      "expected 24 bytes of content, found 20, complete"),
    gzip("an empty member before it", storedGzip([]) + good, "expected 16 bytes of content, found 0, complete"),
  ]

  private static let contents: [BadFile] = [
    gzip("empty content", storedGzip([]), "expected 16 bytes of content, found 0, complete"),
    gzip("content of a header", storedGzip(Array(goodImages.prefix(16))), "24 bytes of content, found 16, complete"),
    gzip("content one byte short", storedGzip(goodImages.dropLast()), "24 bytes of content, found 23, complete"),
    gzip("content one byte long", storedGzip(goodImages + [0]), "expected 24 bytes of content, found more"),
    gzip("labels as images", storedGzip(goodLabels + goodLabels), "expected magic 2051"),
    gzip("gzip within gzip", storedGzip(good), "found a gzip file inside gzip: unpack it with 'gunzip'"),
    gzip(
      "web page within", storedGzip(Array("<html>not found</html>".utf8)), "found an HTML page inside gzip: download"),
    gzip("a line of text within", storedGzip(Array("404".utf8)), "found text inside gzip: convert it to IDX"),
    gzip("no image within", storedGzip(idxFile([0, 2, 2], [])), "found 0 x 2 x 2"),
    gzip("overflow within", storedGzip(idxFile([65536, 65536, 65536], [])), "found 65536 x 65536 x 65536"),
    BadFile(
      "gzip: 2 GiB promised", .images(count: 2048), bytes: storedGzip(idxFile([2048, 1024, 1024], [1])),
      "2147483664 bytes of content, found a file of 40"),
    gzip(
      "20 KB promised", storedGzip(idxFile([2, 100, 100], [1])), "expected 20016 bytes of content, found 17, complete"),
    BadFile(
      "gzip: test label of 10", .training("t10k-labels-idx1-ubyte.gz"), bytes: storedGzip(idxFile([2], [1, 10])),
      "expected labels of 0 to 9, found 10 at index 1"),
  ]

  /// The values of `content` and then `count` times 258 zeros, in a hundredth of the space; the checksum is wrong.
  private static func bomb(_ content: [UInt8], _ count: Int) -> [UInt8] {
    let bits = DeflateBits.fixed { bits in
      for byte in content { bits.symbol(Int(byte)) }
      bits.symbol(0)
      for _ in 0..<count { bits.match(of: 258, distanceCode: 0) }
      bits.symbol(256)
    }
    return [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255] + bits.bytes + [UInt8](repeating: 0, count: 8)
  }

  private static let bombs: [BadFile] = {
    let header = idxFile([2, 2, 2], [])
    let start = [UInt8](repeating: 0, count: 225)
    // 225 + 1 + 258 * 260,111 = 64 * 1024 * 1024 values.
    let promise = bomb(idxFile([64, 1024, 1024], start), 260_111)
    let labels = bomb(idxFile([67_108_864], start), 260_111)
    return [
      gzip("64 MB that were not promised", bomb(header, 260_111), "expected 24 bytes of content, found more"),
      BadFile("gzip: 64 MB and a wrong checksum", .images(count: 64), bytes: promise, "incorrect data check"),
      BadFile(
        "gzip: 64 MB, cut in the middle", .images(count: 64), bytes: Array(promise.prefix(promise.count / 2)),
        "expected 67108880 bytes of content, found"),
      BadFile(
        "gzip: 64 MB of labels", .data("train-labels-idx1-ubyte.gz"), bytes: labels,
        "expected 2 labels, one for each image, found 67108864"),
    ]
  }()
}

/// The bits of deflated data (RFC 1951).
struct DeflateBits {
  private(set) var bytes: [UInt8] = []
  private var count = 0

  /// Values and their widths, each with its lowest bit first.
  init(_ fields: [(value: Int, count: Int)]) {
    for field in fields { put(field.value, field.count) }
  }

  /// A last block of type 1, whose codes are fixed.
  static func fixed(_ body: (inout DeflateBits) -> Void) -> DeflateBits {
    var bits = DeflateBits([(1, 1), (1, 2)])
    body(&bits)
    return bits
  }

  mutating func put(_ value: Int, _ width: Int) {
    for bit in 0..<width {
      if count % 8 == 0 { bytes.append(0) }
      bytes[count / 8] |= UInt8(value >> bit & 1) << UInt8(count % 8)
      count += 1
    }
  }

  /// The fixed code of a literal, an end of block (256) or a length, its highest bit first.
  mutating func symbol(_ symbol: Int) {
    switch symbol {
    case ..<144: put(code: 0x30 + symbol, 8)
    case ..<256: put(code: 0x190 + symbol - 144, 9)
    case ..<280: put(code: symbol - 256, 7)
    default: put(code: 0xC0 + symbol - 280, 8)
    }
  }

  /// 3 or 258 bytes of before, at the distance of this code, whose extra bits are left out.
  mutating func match(of length: Int, distanceCode: Int) {
    precondition([3, 258].contains(length))
    symbol(length == 3 ? 257 : 285)
    put(code: distanceCode, 5)
  }

  private mutating func put(code: Int, _ width: Int) {
    for bit in (0..<width).reversed() { put(code >> bit & 1, 1) }
  }
}
