import ReferenceKernels

extension Plane {
  /// Without the finest noise: the mean of 3 x 3 pixels with the weights 1, 2, 1 in both directions.
  var smoothed: Plane { smoothedRows.transposed.smoothedRows.transposed }

  private var smoothedRows: Plane {
    var result = self
    for row in 0..<size.height {
      for column in 0..<size.width {
        let (left, right) = (self[row, max(0, column - 1)], self[row, min(size.width - 1, column + 1)])
        result[row, column] = (left + 2 * self[row, column] + right) / 4
      }
    }
    return result
  }

  /// How fast the picture changes: the greater of the differences between the neighbours up and down, left and right.
  var changes: Plane {
    var changes = Plane(size)
    for row in 0..<size.height {
      for column in 0..<size.width {
        let down = self[min(row + 1, size.height - 1), column] - self[max(row - 1, 0), column]
        let right = self[row, min(column + 1, size.width - 1)] - self[row, max(column - 1, 0)]
        changes[row, column] = max(abs(down), abs(right))
      }
    }
    return changes
  }

  /// The mean of the pixels within `radius` rows and columns of each, by sums over all pixels above and to the left.
  func mean(radius: Int) -> Plane {
    let stride = size.width + 1
    var sums = [Double](repeating: 0, count: (size.height + 1) * stride)
    for row in 0..<size.height {
      var line = 0.0
      for column in 0..<size.width {
        line += Double(self[row, column])
        sums[(row + 1) * stride + column + 1] = sums[row * stride + column + 1] + line
      }
    }
    var result = Plane(size)
    for row in 0..<size.height {
      let (top, bottom) = (max(0, row - radius) * stride, min(size.height, row + radius + 1) * stride)
      for column in 0..<size.width {
        let (left, right) = (max(0, column - radius), min(size.width, column + radius + 1))
        let sum = sums[bottom + right] - sums[top + right] - sums[bottom + left] + sums[top + left]
        result[row, column] = Float(sum / Double((bottom - top) / stride * (right - left)))
      }
    }
    return result
  }

  /// Grey closing: what is darker than its surroundings and holds no square of 2 `radius` + 1 pixels is filled.
  func closed(radius: Int) -> Plane {
    let inner = PixelBox(rows: radius..<radius + size.height, columns: radius..<radius + size.width)
    let dilated = padded(by: radius).extremes(radius, max).transposed.extremes(radius, max)
    return dilated.extremes(radius, min).transposed.extremes(radius, min).cropped(to: inner)
  }

  /// The extreme number of each row within `radius` columns: of windows of 1, 2, 4, … columns, then of two that overlap.
  private func extremes(_ radius: Int, _ extreme: (Float, Float) -> Float) -> Plane {
    let window = 2 * radius + 1
    var result = Plane(size)
    for row in 0..<size.height {
      let line = self.row(row)
      var padded = [Float](repeating: line.first ?? 0, count: radius) + line
      padded += [Float](repeating: line.last ?? 0, count: radius)
      var covered = 1
      while 2 * covered <= window {
        for index in 0..<padded.count - covered { padded[index] = extreme(padded[index], padded[index + covered]) }
        covered *= 2
      }
      for column in 0..<size.width { result[row, column] = extreme(padded[column], padded[column + window - covered]) }
    }
    return result
  }

  /// The greatest number within a disc around each pixel; the plane grows by its radius on each side.
  func dilated(radius: Int) -> Plane {
    var result = Plane(ImageSize(size.height + 2 * radius, size.width + 2 * radius))
    for y in -radius...radius {
      for x in -radius...radius where y * y + x * x <= radius * (radius + 1) {
        for row in 0..<size.height {
          let start = (row + radius + y) * result.size.width + radius + x
          for (column, value) in self.row(row).enumerated() where value > result.values[start + column] {
            result.values[start + column] = value
          }
        }
      }
    }
    return result
  }
}
