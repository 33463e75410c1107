import CPictures
import CZlib

/// Reads a PNG file by libpng's simplified interface, which reads as much as it needs for the pixels: that the file is whole
/// and its checksums are right is looked up before (https://www.w3.org/TR/png-3).
struct PNG {
  private static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  private let bytes: [UInt8]
  private let path: String
  private let pixelLimit: Int
  private let orientation: Int

  /// A file that was cut off where line ends were translated is one too: it is damaged.
  static func isPNG(_ bytes: [UInt8]) -> Bool { bytes.starts(with: signature.prefix(4)) }

  init(_ bytes: [UInt8], path: String, pixelLimit: Int) throws(FileError) {
    (self.bytes, self.path, self.pixelLimit) = (bytes, path, pixelLimit)
    orientation = try Self.checked(bytes, path: path)
  }

  func picture() throws(FileError) -> GreyPicture {
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    defer { png_image_free(&image) }
    guard png_image_begin_read_from_memory(&image, bytes, bytes.count) != 0 else { throw damaged(image) }
    let header = try PictureHeader(
      height: Int(image.height), width: Int(image.width), bytesPerPixel: 4, pixelLimit: pixelLimit, path: path)
    // PNG_FORMAT_RGBA, a macro of macros.
    image.format = UInt32(PNG_FORMAT_FLAG_COLOR) | UInt32(PNG_FORMAT_FLAG_ALPHA)
    // Without a colour space, 16 bits would be taken for linear light.
    image.flags |= UInt32(PNG_IMAGE_FLAG_16BIT_sRGB)
    var rgba = [UInt8](repeating: 0, count: 4 * header.size.pixels)
    guard png_image_finish_read(&image, nil, &rgba, 0, nil) != 0 else { throw damaged(image) }
    return GreyPicture(rgba: rgba, size: header.size).oriented(orientation)
  }

  private func damaged(_ image: png_image) -> FileError {
    let message = withUnsafeBytes(of: image.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    return FileError(.malformed, path: path, "expected a whole PNG picture, found damage: \(message)")
  }

  /// Walks the chunks from IHDR to IEND and compares their CRC-32; the orientation that eXIf tells.
  private static func checked(_ bytes: [UInt8], path: String) throws(FileError) -> Int {
    func malformed(_ found: String) -> FileError {
      FileError(.malformed, path: path, "expected a whole PNG picture, found \(found)")
    }
    guard bytes.starts(with: signature) else { throw malformed("a damaged signature") }
    func word(_ position: Int) -> Int { bytes[position..<position + 4].reduce(0) { $0 << 8 | Int($1) } }
    var (position, orientation) = (signature.count, 1)
    while true {
      guard bytes.count - position >= 12, word(position) <= bytes.count - position - 12 else {
        throw malformed("it cut off after \(bytes.count) bytes")
      }
      let content = position + 8..<position + 8 + word(position)
      let type = bytes[position + 4..<position + 8]
      let crc = bytes[position + 4..<content.upperBound].withUnsafeBufferPointer { chunk in
        crc32_z(0, chunk.baseAddress, chunk.count)
      }
      guard Int(crc) == word(content.upperBound) else { throw malformed("a wrong checksum at byte \(position)") }
      if type.elementsEqual("IEND".utf8) { return orientation }
      if type.elementsEqual("eXIf".utf8) { orientation = exifOrientation(Array("Exif\0\0".utf8) + bytes[content]) }
      position = content.upperBound + 4
    }
  }
}
