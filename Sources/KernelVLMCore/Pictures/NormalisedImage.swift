/// A part of a picture as models see it: light ink on black, as MNIST has it.
public struct NormalisedImage: Sendable, Equatable {
  /// Where in the picture it stands.
  public let box: PixelBox
  /// The values of the image, row-major; 0 is background, 255 is ink.
  public let pixels: [UInt8]
}

/// What of a picture becomes an image.
public enum PictureCut: String, Sendable, CaseIterable {
  /// Each digit that is found, in the order in which one reads.
  case digits
  /// All ink as one digit.
  case single
  /// The whole picture, scaled; nothing is normalised.
  case whole
}
