import ReferenceKernels

/// A picture from outside as grey values, row-major: 0 is black, 255 is white.
public struct GreyPicture: Sendable, Equatable {
  /// `size.pixels` values.
  public let pixels: [UInt8]
  /// Rows and columns.
  public let size: ImageSize

  /// A picture of at least one pixel.
  public init(pixels: [UInt8], size: ImageSize) {
    precondition(
      size.height > 0 && size.width > 0 && pixels.count == size.pixels, "no picture: \(pixels.count) bytes, \(size)")
    self.pixels = pixels
    self.size = size
  }

  /// The luma of colours, over white paper: with a of 0 to 1, a (0.299 r + 0.587 g + 0.114 b) + (1 - a) 255, rounded. White ink
  /// on nothing, which would be lost there, over black.
  /// - Parameters:
  ///   - rgba: four bytes a pixel, red, green, blue and opacity, row-major; colours are not multiplied by opacity.
  ///   - size: rows and columns.
  public init(rgba: [UInt8], size: ImageSize) {
    precondition(rgba.count == 4 * size.pixels, "no picture: \(rgba.count) bytes, \(size)")
    func over(_ paper: Int) -> [UInt8] {
      (0..<size.pixels).map { index in
        let (red, green, blue) = (Int(rgba[4 * index]), Int(rgba[4 * index + 1]), Int(rgba[4 * index + 2]))
        let opacity = Int(rgba[4 * index + 3])
        let luma = 299 * red + 587 * green + 114 * blue
        return UInt8((opacity * luma + (255 - opacity) * paper * 1000 + 127_500) / 255_000)
      }
    }
    let onWhite = over(255)
    let isLost = onWhite.allSatisfy { $0 >= 240 } && stride(from: 3, to: rgba.count, by: 4).contains { rgba[$0] < 128 }
    self.init(pixels: isLost ? over(0) : onWhite, size: size)
  }
}
