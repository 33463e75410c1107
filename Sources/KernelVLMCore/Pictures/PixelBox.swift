import ReferenceKernels

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

  var size: ImageSize { ImageSize(rows.count, columns.count) }
  var longerEdge: Int { max(rows.count, columns.count) }

  /// The smallest box around both.
  func union(_ other: PixelBox) -> PixelBox {
    PixelBox(rows: rows.union(other.rows), columns: columns.union(other.columns))
  }
}

extension Range<Int> {
  fileprivate func union(_ other: Range<Int>) -> Range<Int> {
    Swift.min(lowerBound, other.lowerBound)..<Swift.max(upperBound, other.upperBound)
  }

  /// How many numbers both have; if they have none, less than 0 by how many lie between them.
  func overlap(_ other: Range<Int>) -> Int {
    Swift.min(upperBound, other.upperBound) - Swift.max(lowerBound, other.lowerBound)
  }
}
