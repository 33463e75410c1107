/// Rows and columns of an image.
public struct ImageSize: Hashable, Sendable, CustomStringConvertible {
  /// Rows.
  public var height: Int
  /// Pixels of a row.
  public var width: Int

  /// `height` rows of `width` pixels.
  @inlinable
  public init(_ height: Int, _ width: Int) {
    self.height = height
    self.width = width
  }

  /// All pixels.
  @inlinable
  public var pixels: Int { height * width }

  /// "28 x 56": rows first, as files have them.
  public var description: String { "\(height) x \(width)" }
}
