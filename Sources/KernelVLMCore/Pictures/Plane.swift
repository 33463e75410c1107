import ReferenceKernels

/// A number for each pixel of a picture, row-major.
struct Plane: Equatable {
  var values: [Float]
  let size: ImageSize

  init(_ size: ImageSize, _ values: [Float]) {
    precondition(values.count == size.pixels, "no plane: \(values.count) numbers, \(size)")
    (self.size, self.values) = (size, values)
  }

  init(_ size: ImageSize, filled value: Float = 0) {
    self.init(size, [Float](repeating: value, count: size.pixels))
  }

  subscript(row: Int, column: Int) -> Float {
    get { values[row * size.width + column] }
    set { values[row * size.width + column] = newValue }
  }

  func map(_ transform: (Float) -> Float) -> Plane { Plane(size, values.map(transform)) }

  func row(_ row: Int) -> ArraySlice<Float> { values[row * size.width..<(row + 1) * size.width] }

  func cropped(to box: PixelBox) -> Plane {
    Plane(
      box.size,
      box.rows.flatMap { row in
        values[row * size.width + box.columns.lowerBound..<row * size.width + box.columns.upperBound]
      })
  }

  var transposed: Plane {
    var result = Plane(ImageSize(size.width, size.height))
    for row in 0..<size.height {
      for column in 0..<size.width { result[column, row] = self[row, column] }
    }
    return result
  }

  /// The picture goes on beyond its border as it ends there.
  func padded(by margin: Int) -> Plane {
    var result = Plane(ImageSize(size.height + 2 * margin, size.width + 2 * margin))
    for row in 0..<result.size.height {
      for column in 0..<result.size.width {
        result[row, column] =
          self[
            min(max(row - margin, 0), size.height - 1), min(max(column - margin, 0), size.width - 1)]
      }
    }
    return result
  }

  /// Whether a pixel is among the `depth` outermost at a side of the picture.
  func isAtBorder(_ index: Int, depth: Int) -> Bool {
    let (row, column) = index.quotientAndRemainder(dividingBy: size.width)
    return min(row, column, size.height - 1 - row, size.width - 1 - column) < depth
  }

  /// The number that the share `share` of all do not exceed, to a thousandth of the greatest; they are not negative.
  func quantile(_ share: Float) -> Float {
    let (greatest, classes) = (values.max() ?? 0, 1024)
    guard greatest > 0 else { return 0 }
    var counts = [Int](repeating: 0, count: classes)
    for value in values { counts[Int(value / greatest * Float(classes - 1) + 0.5)] += 1 }
    let wanted = Int((share * Float(values.count)).rounded(.up))
    var below = 0
    let found = counts.firstIndex { count in
      below += count
      return below >= wanted
    }
    return Float(found ?? classes - 1) / Float(classes - 1) * greatest
  }
}
