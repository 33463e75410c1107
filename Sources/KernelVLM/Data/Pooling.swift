import ReferenceKernels

/// Makes the model's inputs from images of one size (see `poolingForward`).
public struct Pooling: Sendable, Equatable {
  /// Pixels along an edge of the image.
  public let side: Int
  /// s: bins along an edge; the input has P = s * s values.
  public let size: Int

  /// - Throws: `ConfigurationError` where a bin would be empty.
  public init(side: Int, size: Int) throws(ConfigurationError) {
    guard size >= 1 && size <= side else {
      throw ConfigurationError("image size", value: size, rule: "1 to \(side), the side of the images")
    }
    self.side = side
    self.size = size
  }

  /// Overwrites `x`, one row of `size` * `size` values, with the input made of image `index` of `images`.
  @inline(__always)
  public func callAsFunction<K: Kernels>(
    _ kernels: K, _ images: LabelledImages, _ index: Int, into x: Matrix<K.Scalar>
  ) {
    precondition(
      images.side == side && images.labels.indices.contains(index),
      "image \(index) of \(images.count) with side \(images.side), expected \(side)")
    let image = images.images.span.extracting(index * side * side..<(index + 1) * side * side)
    kernels.poolingForward(x, image: image, side: side, size: size)
  }
}
