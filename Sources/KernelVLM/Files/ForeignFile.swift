/// What a file is that is not what its reader expects, by its first bytes, and what to do about it.
struct ForeignFile: Equatable {
  /// What the reader wanted, on which the cure may depend.
  enum Use {
    case data
    case model
    case picture
  }

  private struct Cure: Equatable {
    let data: String
    let model: String
    let picture: String

    init(_ cure: String) { self.init(data: cure, model: cure, picture: cure) }

    init(data: String, model: String, picture: String) {
      self.data = data
      self.model = model
      self.picture = picture
    }

    static func unpack(_ tool: String) -> Cure { Cure("unpack it with '\(tool)'") }

    static let convert = Cure(
      data: "convert it to IDX, as 'kernelvlm data --help' shows",
      model: "give a model that 'kernelvlm train --save' wrote", picture: "give a photograph or a drawing")

    /// Of a picture in another format: one of those is asked for, and what makes it.
    static func picture(_ tool: String) -> Cure {
      Cure(data: convert.data, model: convert.model, picture: "convert it to PNG or JPEG, as '\(tool)' does")
    }

    /// ImageMagick, by the name that its versions 6 and 7 share.
    static let imageMagick = picture("convert FILE FILE.png")
  }

  /// Of so many bytes all is told; the magic of tar stands farthest behind.
  static let headLength = 512

  /// With its article: "an HTML page".
  let name: String
  private let cure: Cure

  private init(_ name: String, _ cure: Cure) {
    self.name = name
    self.cure = cure
  }

  /// Judges the first `headLength` bytes of a file, or all if it has fewer; nil for what is not known.
  static func identify(_ head: some Collection<UInt8>) -> ForeignFile? {
    let head = Array(head.prefix(headLength))
    if head.isEmpty { return ForeignFile("an empty file", Cure("copy or download it again")) }
    let magic = magics.first { head.dropFirst($0.offset).starts(with: $0.bytes) }
    return magic?.file ?? isoMedia(head) ?? idx(head) ?? zip(head) ?? pickle(head) ?? safetensors(head) ?? text(head)
  }

  /// Judges the regular file at `path`, and if that is gzip, what is in it; nil also for what cannot be read.
  static func identify(fileAt path: String) -> ForeignFile? {
    guard let head = try? readFile(at: path, sizeLimit: .max, prefix: headLength) else { return nil }
    guard GzipReader.isGzip(head) else { return identify(head) }
    let content = try? GzipReader.head(of: head, headLength, path: path)
    return content.flatMap { $0.isEmpty ? nil : identify($0) }
  }

  /// "an HTML page: download …", as the end of an error that says what was found.
  func found(as use: Use, insideGzip: Bool = false) -> String {
    let cure =
      switch use {
      case .data: cure.data
      case .model: cure.model
      case .picture: cure.picture
      }
    return "\(name)\(insideGzip ? " inside gzip" : ""): \(cure)"
  }

  private static let magics: [(offset: Int, bytes: [UInt8], file: ForeignFile)] = [
    (
      0, Array("version https://git-lfs.".utf8),
      ForeignFile("a Git LFS pointer", Cure("'git lfs pull' fetches the file that it stands for"))
    ),
    (0, [0x1F, 0x8B], ForeignFile("a gzip file", .unpack("gunzip"))),
    (0, [0xFD] + Array("7zXZ\0".utf8), ForeignFile("an xz file", .unpack("unxz"))),
    (0, Array("BZh".utf8), ForeignFile("a bzip2 file", .unpack("bunzip2"))),
    (0, [0x28, 0xB5, 0x2F, 0xFD], ForeignFile("a zstd file", .unpack("unzstd"))),
    (0, [0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], ForeignFile("a 7z archive", .unpack("7z x"))),
    (257, Array("ustar".utf8), ForeignFile("a tar archive", .unpack("tar xf"))),
    (0, [0x93] + Array("NUMPY".utf8), ForeignFile("a NumPy array (.npy)", .convert)),
    (0, [0x89] + Array("PNG\r\n".utf8), ForeignFile("a PNG picture", .convert)),
    (0, [0xFF, 0xD8, 0xFF], ForeignFile("a JPEG picture", .convert)),
    (0, Array("GIF8".utf8), ForeignFile("a GIF picture", .imageMagick)),
    (0, [0x89] + Array("HDF\r\n".utf8), ForeignFile("an HDF5 file", .convert)),
    (0, Array("PAR1".utf8), ForeignFile("a Parquet table", .convert)),
    (0, Array("MATLAB 5.0".utf8), ForeignFile("a MATLAB file", .convert)),
    (0, Array("GGUF".utf8), ForeignFile("a GGUF model", .convert)),
    (0, Array("%PDF".utf8), ForeignFile("a PDF document", .picture("pdftoppm -png FILE FILE"))),
    (8, Array("WEBP".utf8), ForeignFile("a WebP picture", .picture("dwebp FILE -o FILE.png"))),
    (0, Array("BM".utf8), ForeignFile("a BMP picture", .imageMagick)),
    (0, [0x49, 0x49, 0x2A, 0], ForeignFile("a TIFF picture", .imageMagick)),
    (0, [0x4D, 0x4D, 0, 0x2A], ForeignFile("a TIFF picture", .imageMagick)),
    (0, Array("8BPS".utf8), ForeignFile("a Photoshop picture", .imageMagick)),
    (0, [0, 0, 1, 0], ForeignFile("an icon (.ico)", .imageMagick)),
    (0, [0, 0, 0, 0x0C] + Array("JXL ".utf8), ForeignFile("a JPEG XL picture", .picture("djxl FILE FILE.png"))),
    (0, [0, 0, 0, 0x0C] + Array("jP  ".utf8), ForeignFile("a JPEG 2000 picture", .imageMagick)),
    (0, [0xFF, 0xFE], ForeignFile("text in UTF-16", .convert)),
    (0, [0xFE, 0xFF], ForeignFile("text in UTF-16", .convert)),
  ]

  /// ISO/IEC 14496-12: what kind of file it is says the brand behind "ftyp".
  private static func isoMedia(_ head: [UInt8]) -> ForeignFile? {
    guard head.dropFirst(4).starts(with: "ftyp".utf8) else { return nil }
    let brand = String(decoding: head.dropFirst(8).prefix(4), as: UTF8.self)
    if ["heic", "heix", "hevc", "mif1", "msf1", "heim", "heis"].contains(brand) {
      return ForeignFile("a HEIC picture", .picture("heif-convert FILE FILE.jpg"))
    }
    if ["avif", "avis"].contains(brand) { return ForeignFile("an AVIF picture", .picture("avifdec FILE FILE.png")) }
    return ForeignFile("a video", .picture("ffmpeg -i FILE -frames:v 1 FILE.png"))
  }

  /// IDX of any type and rank (`IDX`), also with its words in the other byte order.
  private static func idx(_ head: [UInt8]) -> ForeignFile? {
    guard head.count >= 4 else { return nil }
    let types: [UInt8] = [0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E]
    if head[0] == 0, head[1] == 0, types.contains(head[2]), head[3] > 0 {
      return ForeignFile(
        "an IDX file",
        Cure(
          data: "give it MNIST's name, and --data its folder", model: "that is data: give --data its folder",
          picture: "'kernelvlm see MODEL --data FOLDER --index 0' shows its images"))
    }
    if head[0] > 0, types.contains(head[1]), head[2] == 0, head[3] == 0 {
      return ForeignFile(
        "an IDX file in the other byte order", Cure("write the words of its header with their highest byte first"))
    }
    return nil
  }

  /// A zip archive, or what is one by another name: told by the name of the first file in it.
  private static func zip(_ head: [UInt8]) -> ForeignFile? {
    guard head.starts(with: [0x50, 0x4B, 3, 4]) || head.starts(with: [0x50, 0x4B, 5, 6]) else { return nil }
    // PKZIP's APPNOTE, 4.3.7: the name's length stands at byte 26, the name at byte 30.
    let length = head.count > 27 ? Int(head[26]) + Int(head[27]) << 8 : 0
    let name = String(decoding: head.dropFirst(30).prefix(length), as: UTF8.self)
    if name.hasSuffix(".npy") { return ForeignFile("a NumPy archive (.npz)", .convert) }
    if name.hasSuffix("data.pkl") { return ForeignFile("a PyTorch file (.pt)", .convert) }
    return ForeignFile("a zip archive", .unpack("unzip"))
  }

  /// The opcode PROTO, a protocol of 2 to 5, and another opcode. PyTorch's older files begin so too.
  private static func pickle(_ head: [UInt8]) -> ForeignFile? {
    guard head.count > 2, head[0] == 0x80, 2...5 ~= head[1], head[2] > 0 else { return nil }
    return ForeignFile("a Python pickle, perhaps PyTorch's (.pt)", .convert)
  }

  private static func safetensors(_ head: [UInt8]) -> ForeignFile? {
    // A length below 2^32, and the brace that the header begins with.
    guard head.count > 8, head[4..<8].allSatisfy({ $0 == 0 }), head[8] == UInt8(ascii: "{") else { return nil }
    return ForeignFile(
      "a safetensors file",
      Cure(
        data: "that is a model or the like: --data wants a folder with images",
        model: "that is a model or the like: --data wants a folder with images",
        picture: "that is a model or the like: pictures stand behind it"))
  }

  private static func text(_ head: [UInt8]) -> ForeignFile? {
    let isMarked = head.starts(with: [0xEF, 0xBB, 0xBF])
    let start = head.dropFirst(isMarked ? 3 : 0).drop { isSpace($0) }
    if start.first == UInt8(ascii: "<"), let next = start.dropFirst().first, next > 0x20, next < 0x7F {
      if start.starts(with: "<svg".utf8) || String(decoding: head, as: UTF8.self).contains("<svg") {
        return ForeignFile("an SVG drawing", .picture("rsvg-convert FILE -o FILE.png"))
      }
      let name = start.starts(with: "<?xml".utf8) ? "an XML document" : "an HTML page"
      return ForeignFile(name, Cure("download the file itself, in whose place a server sent this"))
    }
    guard head.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || isSpace($0) }) else { return nil }
    // The last character of a head may be cut.
    if let invalid = firstInvalidUTF8(in: head[...]), head.count < headLength || invalid < headLength - 3 { return nil }
    if start.starts(with: "/annex/objects/".utf8) {
      return ForeignFile("a git-annex pointer", Cure("'git annex get' fetches the file that it stands for"))
    }
    if let first = start.first, "{[".utf8.contains(first) { return ForeignFile("JSON text", .convert) }
    let isTable = start.prefix { $0 != UInt8(ascii: "\n") }.contains { ",;\t".utf8.contains($0) }
    return ForeignFile(isTable ? "CSV text" : "text", .convert)
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || 0x09...0x0D ~= byte }
}

/// Where `bytes` cease to be UTF-8; nil if they are.
func firstInvalidUTF8(in bytes: ArraySlice<UInt8>) -> Int? {
  var parser = Unicode.UTF8.ForwardParser()
  var iterator = bytes.makeIterator()
  var position = bytes.startIndex
  while true {
    switch parser.parseScalar(from: &iterator) {
    case .valid(let scalar): position += scalar.count
    case .error: return position
    case .emptyInput: return nil
    }
  }
}
