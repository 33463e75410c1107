/// Rows and columns of an image.
public struct ImageSize: Hashable, Sendable, CustomStringConvertible, ExpressibleByIntegerLiteral {
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

  /// A square.
  @inlinable
  public init(integerLiteral side: Int) { self.init(side, side) }

  /// All pixels.
  @inlinable
  public var pixels: Int { height * width }

  /// "28 x 56": rows first, as files have them.
  public var description: String { "\(height) x \(width)" }
}
