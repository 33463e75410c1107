extension Reference {
  /// Average pooling of the bytes of an image. Bin r of h covers the rows ⌊H r / h⌋ ..< ⌊H (r + 1) / h⌋, columns
  /// likewise;
  ///
  ///     y = mean of the bin / 255, in 0...1
  ///
  /// y: one row of h w values; image: H W bytes, row-major; `from` is H × W, `to` is h × w; 1 ≤ h ≤ H, 1 ≤ w ≤ W. The
  /// images are data: there is no gradient.
  @inlinable
  public func poolingForward(_ y: Matrix<Scalar>, image: Span<UInt8>, from: ImageSize, to: ImageSize) {
    for r in 0..<to.height {
      for c in 0..<to.width {
        let (rows, columns) = poolingBin(r, c, from: from, to: to)
        var bin = 0
        for row in rows {
          for column in columns { bin += Int(image[row * from.width + column]) }
        }
        // The sum is exact, so the mean has one rounding.
        y[0, r * to.width + c] = Scalar(bin) / Scalar(255 * rows.count * columns.count)
      }
    }
  }

  /// The same for an image of numbers, such as augmentation gives: y = mean of the bin.
  ///
  /// y: one row of h w values; numbers: one row of H W, the image row-major.
  @inlinable
  public func poolingForward(_ y: Matrix<Scalar>, numbers: Matrix<Scalar>, from: ImageSize, to: ImageSize) {
    for r in 0..<to.height {
      for c in 0..<to.width {
        let (rows, columns) = poolingBin(r, c, from: from, to: to)
        var bin: Scalar = 0
        for row in rows {
          for column in columns { bin += numbers[0, row * from.width + column] }
        }
        y[0, r * to.width + c] = bin / Scalar(rows.count * columns.count)
      }
    }
  }

  /// The rows and columns that bin (r, c) covers.
  @inlinable
  func poolingBin(_ r: Int, _ c: Int, from: ImageSize, to: ImageSize) -> (rows: Range<Int>, columns: Range<Int>) {
    (
      rows: from.height * r / to.height..<from.height * (r + 1) / to.height,
      columns: from.width * c / to.width..<from.width * (c + 1) / to.width
    )
  }
}
