import CPictures

extension GreyPicture {
  /// Pixels of a picture, at most: 64 megapixels.
  public static let pixelLimit = 64_000_000
  /// Pixels of a row or a column, at most: so that a few rows of any picture take little.
  static let sideLimit = 1_000_000
  /// Bytes of a file, at most.
  public static let fileSizeLimit = 256 << 20

  /// The PNG or JPEG picture in a file, as grey values (see `init(file:path:)`).
  /// - Throws: `FileError`, `missing`, `malformed` or `memory`.
  public init(path: String) throws(FileError) {
    try self.init(file: readFile(at: path, sizeLimit: Self.fileSizeLimit), path: path)
  }

  /// The PNG or JPEG picture that these bytes are, as grey values over white, turned upright as its EXIF orientation says.
  ///
  /// Of PNG every depth and colour type, palettes, transparency and interlacing; of JPEG grey, YCbCr, RGB, CMYK and YCCK, also
  /// progressive. Strict: what is cut off or damaged is refused.
  /// - Parameters:
  ///   - bytes: the content of a file.
  ///   - path: its name, for errors.
  /// - Throws: `FileError`, `malformed` or `memory`.
  public init(file bytes: [UInt8], path: String) throws(FileError) {
    try self.init(file: bytes, path: path, pixelLimit: Self.pixelLimit)
  }

  /// Like `init(file:path:)`, with another limit, and of PNG also files whose checksums are wrong.
  @_spi(Fuzzing)
  public init(
    file bytes: [UInt8], path: String, pixelLimit: Int, ignoresChecksums: Bool = false
  ) throws(FileError) {
    if PNG.isPNG(bytes) {
      self = try PNG(bytes, path: path, ignoresChecksums: ignoresChecksums).picture(pixelLimit: pixelLimit)
    } else if JPEG.isJPEG(bytes) {
      self = try JPEG(bytes, path: path).picture(pixelLimit: pixelLimit)
    } else {
      let found =
        ForeignFile.identify(bytes)?.found(as: .picture)
        ?? "bytes \(bytes.prefix(4).map { String($0, radix: 16) }.joined(separator: " "))"
      throw FileError(.malformed, path: path, "expected a PNG or JPEG picture, found \(found)")
    }
  }

  /// Turned as EXIF 2.3 numbers orientations, by where the first row and the first column of the file are to be seen: 1 top
  /// and left, 2 top and right, 3 bottom and right, 4 bottom and left, 5 left and top, 6 right and top, 7 right and bottom,
  /// 8 left and bottom. Any other number leaves the picture as it is.
  func oriented(_ orientation: Int) -> GreyPicture {
    guard 2...8 ~= orientation else { return self }
    let (height, width) = (size.height, size.width)
    let upright = orientation >= 5 ? ImageSize(width, height) : size
    let isRightToLeft = [2, 3, 6, 7].contains(orientation)
    let isBottomUp = [3, 4, 7, 8].contains(orientation)
    var turned: [UInt8] = []
    turned.reserveCapacity(pixels.count)
    for y in 0..<upright.height {
      let row = isBottomUp ? upright.height - 1 - y : y
      for x in 0..<upright.width {
        let column = isRightToLeft ? upright.width - 1 - x : x
        turned.append(orientation >= 5 ? pixels[column * width + row] : pixels[row * width + column])
      }
    }
    return GreyPicture(pixels: turned, size: upright)
  }
}

/// What both formats' readers share.
struct PictureHeader {
  let size: ImageSize

  /// - Parameters:
  ///   - height: rows.
  ///   - width: pixels of a row.
  ///   - bytesPerPixel: what its pixels take while they are read.
  ///   - pixelLimit: pixels, at most.
  ///   - path: the file's name, for errors.
  /// - Throws: `FileError`, `malformed` for a picture that is too large, `memory` if its pixels cannot be had.
  init(height: Int, width: Int, bytesPerPixel: Int, pixelLimit: Int, path: String) throws(FileError) {
    let limit = GreyPicture.sideLimit
    guard height <= limit, width <= limit, height * width <= pixelLimit else {
      throw FileError(
        .malformed, path: path,
        "expected a picture of at most \(pixelLimit / 1_000_000) megapixels and \(limit) pixels a side, "
          + "found \(height) x \(width) pixels")
    }
    size = ImageSize(height, width)
    // Then what is written on it is looked for: about 64 bytes a pixel, of as many as are looked at.
    let sought = size.pixels + 64 * min(size.pixels, GreyPicture.longestEdge * GreyPicture.longestEdge)
    try requireMemory(max((bytesPerPixel + 1) * size.pixels, sought), for: path)
  }
}

/// The orientation that a block of EXIF, or a JPEG file, tells; 1 if it tells none.
func exifOrientation(_ bytes: [UInt8]) -> Int {
  guard let length = UInt32(exactly: bytes.count), let data = exif_data_new_from_data(bytes, length) else { return 1 }
  defer { exif_data_unref(data) }
  // The first directory is the picture's own, the next its thumbnail's.
  guard let entry = exif_content_get_entry(data.pointee.ifd.0, EXIF_TAG_ORIENTATION) else { return 1 }
  guard entry.pointee.format == EXIF_FORMAT_SHORT, entry.pointee.components == 1, entry.pointee.size >= 2,
    let value = entry.pointee.data
  else { return 1 }
  return Int(exif_get_short(value, exif_data_get_byte_order(data)))
}
