import ReferenceKernels

/// A part of a picture as models see it: light ink on black, as MNIST has it.
public struct NormalisedImage: Sendable, Equatable {
  /// Where in the picture it stands.
  public let box: PixelBox
  /// The values of the image, row-major; 0 is background, 255 is ink.
  public let pixels: [UInt8]
}

/// Rows and columns of a picture.
public struct PixelBox: Sendable, Hashable {
  /// From the top.
  public var rows: Range<Int>
  /// From the left.
  public var columns: Range<Int>

  /// These rows and columns.
  public init(rows: Range<Int>, columns: Range<Int>) {
    self.rows = rows
    self.columns = columns
  }
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

extension GreyPicture {
  /// The images of a picture, each of `size`; none where there is no ink.
  public func images(_ cut: PictureCut, size: ImageSize) -> [NormalisedImage] {
    []
  }
}
