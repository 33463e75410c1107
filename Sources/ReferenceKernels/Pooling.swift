extension Reference {
  /// Average pooling of the bytes of a square image. Bin r of s covers the rows ⌊side r / s⌋ ..< ⌊side (r + 1) / s⌋, columns
  /// likewise;
  ///
  ///     y = mean of the bin / 255, in 0...1
  ///
  /// y: one row of s² values; image: side² bytes, row-major; 1 ≤ s ≤ side. The images are data: there is no gradient.
  @inlinable
  public func poolingForward(_ y: Matrix<Scalar>, image: Span<UInt8>, side: Int, size: Int) {
    for r in 0..<size {
      let rows = side * r / size..<side * (r + 1) / size
      for c in 0..<size {
        let columns = side * c / size..<side * (c + 1) / size
        var bin = 0
        for row in rows {
          for column in columns { bin += Int(image[row * side + column]) }
        }
        // The sum is exact, so the mean has one rounding.
        y[0, r * size + c] = Scalar(bin) / Scalar(255 * rows.count * columns.count)
      }
    }
  }
}
