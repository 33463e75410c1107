/// A view of `rows` × `columns` scalars, row-major, in memory that somebody else owns.
///
/// Every kernel takes its operands as such views. Row `i` begins `i * stride` scalars after `pointer`, so that a view can
/// be some columns of a wider matrix: the features of an image are concatenated by letting each product write its own
/// columns. A view is as large as three integers and is copied freely; it must not outlive its owner.
public struct Matrix<Element> {
  /// The first scalar.
  public let pointer: UnsafeMutablePointer<Element>
  /// How many rows.
  public let rows: Int
  /// How many columns.
  public let columns: Int
  /// Distance between the beginnings of two rows, in scalars; at least `columns`.
  public let stride: Int

  /// A view of memory that must outlive it; `stride` is `columns` unless given. Traps where these are no matrix.
  @inlinable
  public init(_ pointer: UnsafeMutablePointer<Element>, rows: Int, columns: Int, stride: Int? = nil) {
    self.pointer = pointer
    self.rows = rows
    self.columns = columns
    self.stride = stride ?? columns
    precondition(
      rows >= 0 && columns >= 0 && self.stride >= columns, "no matrix: \(rows) × \(columns), stride \(self.stride)")
  }

  /// The scalar of a row and a column; both are checked in builds without optimisation.
  @inlinable
  public subscript(row: Int, column: Int) -> Element {
    get {
      assert(row >= 0 && row < rows && column >= 0 && column < columns, "[\(row), \(column)] of \(rows) × \(columns)")
      return pointer[row * stride + column]
    }
    nonmutating set {
      assert(row >= 0 && row < rows && column >= 0 && column < columns, "[\(row), \(column)] of \(rows) × \(columns)")
      pointer[row * stride + column] = newValue
    }
  }

  /// The rows in `range`, all columns.
  @inlinable
  public func rows(_ range: Range<Int>) -> Matrix {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows \(range) of \(rows)")
    return Matrix(pointer + range.lowerBound * stride, rows: range.count, columns: columns, stride: stride)
  }

  /// The last `count` rows.
  @inlinable
  public func lastRows(_ count: Int) -> Matrix { rows(rows - count..<rows) }

  /// The columns in `range`, all rows.
  @inlinable
  public func columns(_ range: Range<Int>) -> Matrix {
    precondition(range.lowerBound >= 0 && range.upperBound <= columns, "columns \(range) of \(columns)")
    return Matrix(pointer + range.lowerBound, rows: rows, columns: range.count, stride: stride)
  }

  /// The first `rows` × `columns` scalars of this matrix, whose rows stand without gaps, as a matrix of another shape.
  @inlinable
  public func reshaped(rows newRows: Int, columns newColumns: Int) -> Matrix {
    precondition(
      stride == columns && newRows * newColumns <= rows * columns,
      "\(rows) × \(columns), stride \(stride), as \(newRows) × \(newColumns)")
    return Matrix(pointer, rows: newRows, columns: newColumns)
  }

  /// Overwrites every scalar.
  @inlinable
  public func fill(_ value: Element) {
    for i in 0..<rows { (pointer + i * stride).update(repeating: value, count: columns) }
  }

  /// Overwrites this matrix with another of the same shape.
  @inlinable
  public func copy(from other: Matrix) {
    precondition(
      rows == other.rows && columns == other.columns,
      "copy of \(other.rows) × \(other.columns) into \(rows) × \(columns)")
    for i in 0..<rows { (pointer + i * stride).update(from: other.pointer + i * other.stride, count: columns) }
  }
}
