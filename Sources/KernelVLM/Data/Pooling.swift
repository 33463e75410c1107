import ReferenceKernels

/// From the bytes of a square image to the model's input: average pooling, then unit length.
///
/// Bin r of s covers the rows floor(side r / s) ..< floor(side (r + 1) / s), columns likewise;
/// pixels = mean of the bin / 255, in 0...1; x = pixels / (|pixels| + 1e-8).
public struct Pooling: Sendable, Equatable {
  /// Pixels along an edge of the image.
  public let side: Int
  /// s: bins along an edge; the input has P = s * s values.
  public let size: Int
  /// Where each bin begins, and the end: `size` + 1 values.
  @usableFromInline let edges: [Int]

  /// - Throws: `ConfigurationError` where a bin would be empty.
  public init(side: Int, size: Int) throws(ConfigurationError) {
    guard size >= 1 && size <= side else {
      throw ConfigurationError("image size", value: size, rule: "1 to \(side), the side of the images")
    }
    self.side = side
    self.size = size
    edges = (0...size).map { side * $0 / size }
  }

  /// Overwrites `x`, one row of `size` * `size` values, with the input made of image `index` of `images`.
  @inlinable
  public func callAsFunction<Scalar: BinaryFloatingPoint>(
    _ images: LabelledImages, _ index: Int, into x: Matrix<Scalar>
  ) {
    precondition(
      images.side == side && images.labels.indices.contains(index) && x.rows == 1 && x.columns == size * size,
      "image \(index) of \(images.count) with side \(images.side), expected \(side); into \(x.rows) x \(x.columns)")
    let image = images.images.span.extracting(index * side * side..<(index + 1) * side * side)
    var squares: Scalar = 0
    for r in 0..<size {
      let rows = edges[r]..<edges[r + 1]
      for c in 0..<size {
        let columns = edges[c]..<edges[c + 1]
        var sum = 0
        for row in rows {
          for column in columns { sum += Int(image[row * side + column]) }
        }
        // The sum is exact, so the mean has one rounding.
        let pixel = Scalar(sum) / Scalar(255 * rows.count * columns.count)
        x[0, r * size + c] = pixel
        squares += pixel * pixel
      }
    }
    let scale = 1 / (squares.squareRoot() + 1e-8)
    for p in 0..<size * size { x[0, p] *= scale }
  }
}
