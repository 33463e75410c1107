/// Files that are no picture, or a damaged one.
extension BadFile {
  static let pictures = pngChunks + pngHeaders + pngData + jpeg + foreign + picturePaths

  private static func picture(_ name: String, _ bytes: [UInt8], _ problem: String) -> BadFile {
    BadFile("picture: \(name)", .picture, bytes: bytes, problem)
  }

  private static func png(_ name: String, _ chunks: [UInt8]..., found problem: String) -> BadFile {
    picture(
      "PNG, \(name)", PictureBytes.pngSignature + chunks.flatMap { $0 },
      "expected a whole PNG picture, found \(problem)")
  }

  private static func jpeg(_ name: String, _ bytes: [UInt8], found problem: String) -> BadFile {
    picture("JPEG, \(name)", bytes, "expected a whole JPEG picture, found damage: \(problem)")
  }

  private static let (header, data, end) = (PictureBytes.header(), PictureBytes.data, PictureBytes.end)

  private static func chunk(_ type: String, _ content: [UInt8] = []) -> [UInt8] { PictureBytes.chunk(type, content) }

  /// With the last byte, which is one of a checksum, changed.
  private static func flipped(_ bytes: [UInt8]) -> [UInt8] { bytes.dropLast() + [bytes[bytes.count - 1] ^ 1] }

  private static let pngChunks: [BadFile] = [
    picture(
      "PNG, line ends translated", PictureBytes.png.filter { $0 != 0x0D },
      "expected a whole PNG picture, found damage: PNG file corrupted by ASCII conversion"),
    png("signature alone", found: "damage: the file ends early"),
    png("header alone", header, found: "damage: the file ends early"),
    png("header cut", Array(header.dropLast(5)), found: "damage: the file ends early"),
    png("pixels cut", header, Array(data.dropLast(5)), found: "damage: the file ends early"),
    png("no end", header, data, found: "damage: the file ends early"),
    png("end cut", header, data, Array(end.dropLast()), found: "damage: the file ends early"),
    png("a byte after the end", header, data, end, [0], found: "1 bytes after its end"),
    png("twice", header, data, end, PictureBytes.png, found: "\(PictureBytes.png.count) bytes after its end"),
    png("no header", data, end, found: "damage: IDAT: Missing IHDR before IDAT"),
    png("two headers", header, header, data, end, found: "damage: IHDR: out of place"),
    png("no pixels", header, end, found: "damage: IEND: out of place"),
    png(
      "pixels in two places", header, chunk("IDAT", Array(good.prefix(9))), chunk("tEXt", [97, 0, 98]),
      chunk("IDAT", Array(good.dropFirst(9))), end, found: "damage: Not enough image data"),
    png("unknown critical chunk", header, chunk("ABCD"), data, end, found: "damage: ABCD: unhandled critical chunk"),
    png(
      "Apple's own chunk", chunk("CgBI", [0, 0, 0, 0]), header, data, end, found: "damage: CgBI: unhandled critical"),
    png("chunk's type with a digit", header, chunk("a1cd"), data, end, found: "damage: a[31]cd: invalid chunk type"),
    png(
      "chunk's type with a line end", header, chunk("a\ncd"), data, end, found: "damage: a[0A]cd: invalid chunk type"),
    png(
      "chunk of 4 GiB", header, [255, 255, 255, 255], Array("IDAT".utf8),
      found: "damage: PNG unsigned integer out of range"),
    png("chunk of 2 GiB", header, [127, 255, 255, 255], Array("tEXt".utf8), found: "damage: "),
    png("checksum of the header", flipped(header), data, end, found: "damage: IHDR: CRC error"),
    png("checksum of the pixels", header, flipped(data), end, found: "damage: IDAT: CRC error"),
    png(
      "checksum of a text", header, flipped(chunk("tEXt", [97, 0, 98])), data, end, found: "damage: tEXt: CRC error"),
    png("checksum of the end", header, data, flipped(end), found: "damage: IEND: CRC error"),
  ]

  private static func header(_ name: String, _ header: [UInt8], _ palette: [UInt8] = [], found problem: String)
    -> BadFile
  {
    png(name, header, palette, data, end, found: problem)
  }

  private static let pngHeaders: [BadFile] =
    [
      ("depth 3", [3, 0, 0, 0, 0]), ("depth 0", [0, 0, 0, 0, 0]), ("depth 32", [32, 0, 0, 0, 0]),
      ("colour type 1", [8, 1, 0, 0, 0]), ("colours of 4 bits", [4, 2, 0, 0, 0]),
      ("palette of 16 bits", [16, 3, 0, 0, 0]), ("compression 1", [8, 0, 1, 0, 0]),
      ("filter method 1", [8, 0, 0, 1, 0]),
      ("interlacing 2", [8, 0, 0, 0, 2]),
    ].map { header($0, PictureBytes.header(2, 2, $1), found: "damage: Invalid IHDR data") } + [
      header("no columns", PictureBytes.header(0, 2), found: "damage: Invalid IHDR data"),
      header("no rows", PictureBytes.header(2, 0), found: "damage: Invalid IHDR data"),
      header("width of 2^31", PictureBytes.header(1 << 31, 2), found: "damage: PNG unsigned integer out of range"),
      header("header of 12 bytes", chunk("IHDR", [UInt8](repeating: 1, count: 12)), found: "damage: IHDR: invalid"),
      header("no palette", PictureBytes.header(2, 2, [8, 3, 0, 0, 0]), found: "damage: IDAT: Missing PLTE"),
      header(
        "empty palette", PictureBytes.header(2, 2, [8, 3, 0, 0, 0]), chunk("PLTE"), found: "damage: Invalid palette"),
      header(
        "palette of 4 bytes", PictureBytes.header(2, 2, [8, 3, 0, 0, 0]), chunk("PLTE", [1, 2, 3, 4]),
        found: "damage: PLTE"),
      picture(
        "PNG, 400 megapixels", PictureBytes.png(PictureBytes.header(20_000, 20_000), data, end),
        "expected a picture of at most 64 megapixels and 1000000 pixels a side, found 20000 x 20000 pixels"),
      picture(
        "PNG, a million and one columns", PictureBytes.png(PictureBytes.header(1_000_001, 1), data, end),
        "found 1 x 1000001 pixels"),
      header("64 megapixels in 6 bytes", PictureBytes.header(8000, 8000), found: "damage: Not enough image data"),
    ]

  private static func data(_ name: String, _ data: [UInt8], found problem: String) -> BadFile {
    png(name, header, chunk("IDAT", data), end, found: "damage: \(problem)")
  }

  private static let good = PictureBytes.zlib(PictureBytes.rows)

  private static let pngData: [BadFile] = [
    data("no data", [], found: "Not enough image data"),
    data("one row of two", PictureBytes.zlib([0, 10, 20]), found: "Not enough image data"),
    data("a byte too few", PictureBytes.zlib(PictureBytes.rows.dropLast()), found: "Not enough image data"),
    data("filter 5", PictureBytes.zlib([5, 10, 20, 0, 30, 40]), found: "bad adaptive filter value"),
    data("Adler-32", flipped(good), found: "IDAT: incorrect data check"),
    data("deflate without zlib", Array(good.dropFirst(2)), found: "IDAT: "),
    data("method 0", [0, 0] + good.dropFirst(2), found: "IDAT: unknown compression method"),
    data("block of type 3", [0x78, 1, 7] + good.dropFirst(3), found: "IDAT: invalid block type"),
    data(
      "stored lengths that disagree", [0x78, 1, 1, 6, 0, 0, 0] + good.dropFirst(7), found: "IDAT: invalid stored block"),
  ]

  private static let jpegs = PictureBytes.jpeg()

  /// The good file with these bytes behind the marker.
  private static func changed(_ marker: UInt8, _ offset: Int, _ bytes: [UInt8]) -> [UInt8] {
    var file = jpegs
    let place = offset + (file.indices.first { file[$0...].starts(with: [0xFF, marker]) } ?? 0)
    file.replaceSubrange(place..<place + bytes.count, with: bytes)
    return file
  }

  private static let jpeg: [BadFile] = [
    jpeg("its first bytes alone", [0xFF, 0xD8, 0xFF], found: "Premature end of JPEG file"),
    jpeg("no end", Array(jpegs.dropLast(2)), found: "Premature end of JPEG file"),
    jpeg("scan cut", Array(jpegs.dropLast(4)), found: ""),
    jpeg(
      "no scan", [0xFF, 0xD8] + PictureBytes.segment(0xFE, [97]) + [0xFF, 0xD9],
      found: "JPEG datastream contains no image"),
    jpeg("no rows", changed(0xC2, 5, [0, 0]), found: "Empty JPEG image"),
    jpeg("no columns", changed(0xC2, 7, [0, 0]), found: "Empty JPEG image"),
    jpeg("12 bits", changed(0xC2, 4, [12]), found: "Unsupported JPEG data precision 12"),
    jpeg("lossless", changed(0xC2, 1, [0xC3]), found: "Unsupported JPEG process"),
    jpeg("two starts", [0xFF, 0xD8] + jpegs, found: "Invalid JPEG file structure: two SOI markers"),
    jpeg("segment of length 1", changed(0xDB, 2, [0, 1]), found: ""),
    jpeg("65535 rows", changed(0xC2, 5, [255, 255]), found: "Maximum supported image dimension is 65500 pixels"),
    jpeg(
      "rows that are not there", changed(0xC2, 5, [8, 0]), found: "Corrupt JPEG data: premature end of data segment"),
    jpeg("64 megapixels in 200 bytes", PictureBytes.jpeg(height: 8000, width: 8000), found: "Corrupt JPEG data"),
    jpeg("501 scans", PictureBytes.jpeg(acScans: 501), found: "Progressive JPEG image has more than 500 scans"),
    jpeg("line ends translated", jpegs.flatMap { $0 == 8 ? [13, 8] : [$0] }, found: ""),
    picture(
      "JPEG, 4 gigapixels", PictureBytes.jpeg(height: 65_000, width: 65_000),
      "expected a picture of at most 64 megapixels and 1000000 pixels a side, found 65000 x 65000 pixels"),
  ]

  private static func foreign(_ name: String, _ bytes: [UInt8], _ cure: String) -> BadFile {
    picture(name, bytes, "expected a PNG or JPEG picture, found \(name): \(cure)")
  }

  private static func isoMedia(_ name: String, _ brand: String, _ cure: String) -> BadFile {
    foreign(name, [0, 0, 0, 24] + Array("ftyp\(brand)".utf8) + [0, 0, 0, 0], cure)
  }

  private static func text(_ name: String, _ text: String, _ cure: String) -> BadFile {
    foreign(name, Array(text.utf8), cure)
  }

  private static let foreign: [BadFile] = [
    foreign("an empty file", [], "copy or download it again"),
    text("an HTML page", "<!DOCTYPE html><html>", "download the file itself"),
    text("a Git LFS pointer", "version https://git-lfs.github.com/spec/v1\n", "'git lfs pull'"),
    text("a git-annex pointer", "/annex/objects/SHA256E-s9--0\n", "'git annex get'"),
    isoMedia("a HEIC picture", "heic", "convert it to PNG or JPEG, as 'heif-convert FILE FILE.jpg' does"),
    isoMedia("an AVIF picture", "avif", "convert it to PNG or JPEG, as 'avifdec FILE FILE.png' does"),
    isoMedia("a video", "isom", "convert it to PNG or JPEG, as 'ffmpeg -i FILE -frames:v 1 FILE.png' does"),
    text("a WebP picture", "RIFF\u{1}\0\0\0WEBPVP8 ", "convert it to PNG or JPEG, as 'dwebp FILE -o FILE.png' does"),
    text("a GIF picture", "GIF89a", "convert it to PNG or JPEG, as 'convert FILE FILE.png' does"),
    text("a BMP picture", "BM\u{1}", "convert it to PNG or JPEG"),
    foreign("a TIFF picture", [0x49, 0x49, 0x2A, 0, 8, 0], "convert it to PNG or JPEG"),
    text("a PDF document", "%PDF-1.7", "convert it to PNG or JPEG, as 'pdftoppm -png FILE FILE' does"),
    text("an SVG drawing", "<svg xmlns=''>", "convert it to PNG or JPEG, as 'rsvg-convert FILE -o FILE.png' does"),
    text("a Photoshop picture", "8BPS\0\u{1}", "convert it to PNG or JPEG"),
    foreign("an icon (.ico)", [0, 0, 1, 0, 1, 0], "convert it to PNG or JPEG"),
    foreign("a gzip file", storedGzip(PictureBytes.png), "unpack it with 'gunzip'"),
    foreign("a zip archive", [0x50, 0x4B, 5, 6], "unpack it with 'unzip'"),
    foreign("an IDX file", goodImages, "'kernelvlm see MODEL --data FOLDER --index 0' shows its images"),
    text("CSV text", "label,1x1\n5,0\n", "give a photograph or a drawing"),
    text("text", "404: Not Found\n", "give a photograph or a drawing"),
    picture("what nobody knows", [1, 2, 3, 4, 5], "expected a PNG or JPEG picture, found bytes 1 2 3 4"),
  ]

  private static let picturePaths: [BadFile] = [
    BadFile("picture: nothing", .picture, .nothing, "No such file or directory"),
    BadFile("picture: pipe", .picture, .pipe, "expected a regular file, found a named pipe"),
    BadFile("picture: unreadable", .picture, .unreadable(PictureBytes.png), "Permission denied"),
    BadFile("picture: link to itself", .picture, .link("file"), "Too many levels of symbolic links"),
    BadFile(
      "picture: 257 MiB", .picture, .hole(257 << 20), status: 65, "expected at most 268435456 bytes, found 269484032"),
  ]
}
