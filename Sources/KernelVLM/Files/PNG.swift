import CPictures

/// Reads a PNG file by libpng (https://www.w3.org/TR/png-3).
struct PNG {
  private let bytes: [UInt8]
  private let path: String
  private let ignoresChecksums: Bool

  /// A file whose line ends were translated is one too: it is damaged.
  static func isPNG(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) }

  /// - Parameters:
  ///   - path: the file's name, for errors.
  ///   - ignoresChecksums: for fuzzing.
  init(_ bytes: [UInt8], path: String, ignoresChecksums: Bool = false) {
    (self.bytes, self.path, self.ignoresChecksums) = (bytes, path, ignoresChecksums)
  }

  /// - Parameter pixelLimit: pixels, at most.
  func picture(pixelLimit: Int) throws(FileError) -> GreyPicture {
    try bytes.withUnsafeBufferPointer { file throws(FileError) in
      var png = pictures_png()
      (png.bytes, png.count, png.ignores_checksums) = (file.baseAddress, file.count, ignoresChecksums)
      guard pictures_png_header(&png) else { throw error(of: png) }
      let header = try PictureHeader(
        height: Int(png.height), width: Int(png.width), bytesPerPixel: 4, pixelLimit: pixelLimit, path: path)
      // Touched row by row, so that what a short file only promises is never held.
      let rgba = try [UInt8](unsafeUninitializedCapacity: 4 * header.size.pixels) { rgba, count throws(FileError) in
        guard pictures_png_pixels(&png, rgba.baseAddress) else { throw error(of: png) }
        count = 4 * header.size.pixels
      }
      guard png.end == file.count else { throw malformed("\(file.count - png.end) bytes after its end") }
      let exif = file[png.exif..<png.exif + png.exif_count]
      return GreyPicture(rgba: rgba, size: header.size).oriented(exifOrientation(Array("Exif\0\0".utf8) + exif))
    }
  }

  private func error(of png: pictures_png) -> FileError {
    if png.lacks_memory { return FileError(memoryFor: bytes.count, path) }
    let message = withUnsafeBytes(of: png.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    return malformed("damage: \(message)")
  }

  private func malformed(_ found: String) -> FileError {
    FileError(.malformed, path: path, "expected a whole PNG picture, found \(found)")
  }
}
