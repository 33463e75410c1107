import CPictures

/// Reads a JPEG file by libjpeg-turbo.
struct JPEG {
  private let bytes: [UInt8]
  private let path: String

  static func isJPEG(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0xFF, 0xD8, 0xFF]) }

  /// - Parameter path: the file's name, for errors.
  init(_ bytes: [UInt8], path: String) {
    (self.bytes, self.path) = (bytes, path)
  }

  /// - Parameter pixelLimit: pixels, at most.
  func picture(pixelLimit: Int) throws(FileError) -> GreyPicture {
    guard let handle = tjInitDecompress() else { throw FileError(memoryFor: 1 << 20, path) }
    defer { tjDestroy(handle) }
    var (width, height, sampling, colours): (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)
    guard tjDecompressHeader3(handle, bytes, UInt(bytes.count), &width, &height, &sampling, &colours) == 0 else {
      throw error(of: handle)
    }
    let isPrinted = [TJCS_CMYK.rawValue, TJCS_YCCK.rawValue].contains(UInt32(colours))
    // A progressive file is held as coefficients of two bytes for each of up to four colours.
    let header = try PictureHeader(
      height: Int(height), width: Int(width), bytesPerPixel: 12, pixelLimit: pixelLimit, path: path)
    let (format, depth) = isPrinted ? (TJPF_CMYK, 4) : (TJPF_GRAY, 1)
    // What is cut off is only worth a warning to the library; and a small file may have scans for hours.
    let flags = TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS
    // Touched row by row, so that what a short file only promises is never held.
    let values = try [UInt8](unsafeUninitializedCapacity: depth * header.size.pixels) {
      values, count throws(FileError) in
      guard
        tjDecompress2(
          handle, bytes, UInt(bytes.count), values.baseAddress, width, 0, height, format.rawValue, flags) == 0
      else { throw error(of: handle) }
      count = depth * header.size.pixels
    }
    let picture =
      isPrinted
      ? GreyPicture(rgba: Self.rgba(cmyk: values, isInverted: isAdobes), size: header.size)
      : GreyPicture(pixels: values, size: header.size)
    return picture.oriented(exifOrientation(bytes))
  }

  private func error(of handle: tjhandle) -> FileError {
    let message = String(cString: tjGetErrorStr2(handle))
    // Of libjpeg "Insufficient memory", of TurboJPEG "Memory allocation failure".
    if message.lowercased().contains("memory") { return FileError(memoryFor: bytes.count, path) }
    return FileError(.malformed, path: path, "expected a whole JPEG picture, found damage: \(message)")
  }

  /// Red, green and blue are what cyan, magenta and yellow leave of the light, and black of that: (1 - c) (1 - k).
  /// - Parameter isInverted: whether 255 is no ink.
  private static func rgba(cmyk: [UInt8], isInverted: Bool) -> [UInt8] {
    var rgba = cmyk
    for pixel in stride(from: 0, to: cmyk.count, by: 4) {
      func light(_ ink: UInt8) -> Int { Int(isInverted ? ink : 255 - ink) }
      let black = light(cmyk[pixel + 3])
      for colour in pixel..<pixel + 3 { rgba[colour] = UInt8((light(cmyk[colour]) * black + 127) / 255) }
      rgba[pixel + 3] = 255
    }
    return rgba
  }

  /// Whether it has Adobe's marker: then its CMYK is inverted, as all of Adobe's is.
  private var isAdobes: Bool {
    var position = 2
    while position + 4 <= bytes.count, bytes[position] == 0xFF {
      let (marker, length) = (bytes[position + 1], Int(bytes[position + 2]) << 8 | Int(bytes[position + 3]))
      // The start of a scan ends what stands before the pixels.
      if marker == 0xDA { break }
      if marker == 0xEE, bytes[(position + 4)...].starts(with: "Adobe".utf8) { return true }
      position += 2 + length
    }
    return false
  }
}
