import ReferenceKernels

extension GreyPicture {
  /// The picture with a longer edge of at most `edge`: each pixel is the mean of a square of `factor` pixels.
  func shrunk(toEdge edge: Int) -> (plane: Plane, factor: Int) {
    let factor = (max(size.height, size.width) + edge - 1) / edge
    var plane = Plane(ImageSize((size.height + factor - 1) / factor, (size.width + factor - 1) / factor))
    for row in 0..<plane.size.height {
      let rows = row * factor..<min((row + 1) * factor, size.height)
      for column in 0..<plane.size.width {
        let columns = column * factor..<min((column + 1) * factor, size.width)
        var sum = 0
        for y in rows {
          for x in columns { sum += Int(pixels[y * size.width + x]) }
        }
        plane[row, column] = Float(sum) / Float(rows.count * columns.count)
      }
    }
    return (plane, factor)
  }
}

extension Plane {
  /// Whether the ink is lighter than the paper. Where a picture changes most it is halfway between them, and most of what is
  /// around and at the border is paper: the weighted sum of the differences from that is above 0.
  /// - Parameter isFilled: whether one digit may fill the picture: then only the border tells what paper is.
  func isLightOnDark(isFilled: Bool) -> Bool {
    // Within a frame, if there may be one.
    let depth = isFilled ? 0 : min(size.height, size.width) / 16
    let inner = cropped(
      to: PixelBox(rows: depth..<size.height - depth, columns: depth..<size.width - depth))
    let ring = inner.values.indices.filter { inner.isAtBorder($0, depth: 1) }.map { inner.values[$0] }
    let outside = isFilled ? ring.reduce(0, +) / Float(ring.count) : ring.sorted()[ring.count / 2]
    let around = isFilled ? nil : mean(radius: min(size.height, size.width) / 4)
    let changes = changes
    let sum = values.indices.reduce(0.0) { sum, index in
      let paper = around.map { (2 * $0.values[index] + outside) / 3 } ?? outside
      let change = Double(changes.values[index])
      return sum + change * change * Double(values[index] - paper)
    }
    return sum > 0
  }

  /// The paper below dark ink, light and shadow of a picture without what holds no square of `width` pixels: by a closing of
  /// the picture at a size at which that is some ten pixels.
  func paper(width: Int) -> Plane {
    let longer = max(size.height, size.width)
    let edge = min(longer, max(120, 40 * min(size.height, size.width) / width))
    func scaled(_ length: Int) -> Int { max(1, length * edge / longer) }
    let small = resampled(to: ImageSize(scaled(size.height), scaled(size.width)))
    return small.closed(radius: max(1, (scaled(width) + 1) / 2)).resampled(to: size)
  }

  /// How much darker than the paper each pixel is, as a share of the paper's light, or of 48 where that is less and noise
  /// would be taken for ink: 0 to 1, of half of the pixels 0.
  func ink(width: Int) -> Plane {
    let ink = Plane(size, zip(values, paper(width: width).values).map { max(0, $1 - $0) / max($1, 48) })
    let median = ink.quantile(0.5)
    return ink.map { max(0, $0 - median) }
  }

  /// Between paper and ink: the mean of what stands where the picture changes most, weighted by the square of the change; 0
  /// where that is too faint for ink. After J. Kittler, J. Illingworth and J. Föglein, "Threshold selection based on a
  /// simple image statistic", 1985: unlike Otsu's threshold it does not depend on how little of a photograph is ink.
  /// - Parameter factor: how many times the median change it must be, which is the paper's noise.
  func inkThreshold(overNoise factor: Float) -> Float {
    let changes = changes
    let least = 0.6 * changes.quantile(0.999)
    var (sum, weights) = (0.0, 0.0)
    for (value, change) in zip(values, changes.values) where change > least {
      sum += Double(value * change * change)
      weights += Double(change * change)
    }
    let threshold = weights > 0 ? Float(sum / weights) : 0
    return threshold > max(0.03, factor * changes.quantile(0.5)) ? threshold : 0
  }
}
