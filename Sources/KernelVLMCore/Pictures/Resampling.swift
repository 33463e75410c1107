import ReferenceKernels

/// What pixels of a line a pixel of another line is made of.
private struct Taps {
  /// For each new pixel the first old one, and the weights of it and those after it, whose sum is 1.
  let taps: [(first: Int, weights: [Float])]

  /// Smaller: each new pixel is the mean of what it covers of the old ones. Greater: linear between the old ones' middles.
  init(from old: Int, to new: Int) {
    let step = Float(old) / Float(new)
    taps = (0..<new).map { index in
      if step < 1 {
        let position = min(max((Float(index) + 0.5) * step - 0.5, 0), Float(old - 1))
        let first = min(Int(position), max(0, old - 2))
        let weight = position - Float(first)
        return (first, old == 1 ? [1] : [1 - weight, weight])
      }
      let (start, end) = (Float(index) * step, min(Float(index + 1) * step, Float(old)))
      let first = min(Int(start), old - 1)
      let last = min(max(first, Int(end.rounded(.up)) - 1), old - 1)
      let weights = (first...last).map { min(end, Float($0 + 1)) - max(start, Float($0)) }
      let sum = weights.reduce(0, +)
      return (first, weights.map { $0 / sum })
    }
  }
}

extension Plane {
  /// Scaled to another size, rows and columns each for itself: by area where it gets smaller, linearly where it gets greater.
  func resampled(to new: ImageSize) -> Plane { resampledRows(to: new.height).resampledColumns(to: new.width) }

  private func resampledRows(to height: Int) -> Plane {
    guard height != size.height else { return self }
    var result = Plane(ImageSize(height, size.width))
    for (row, tap) in Taps(from: size.height, to: height).taps.enumerated() {
      for (offset, weight) in tap.weights.enumerated() {
        let (from, to) = ((tap.first + offset) * size.width, row * size.width)
        for column in 0..<size.width { result.values[to + column] += weight * values[from + column] }
      }
    }
    return result
  }

  private func resampledColumns(to width: Int) -> Plane {
    guard width != size.width else { return self }
    var result = Plane(ImageSize(size.height, width))
    let taps = Taps(from: size.width, to: width).taps
    for row in 0..<size.height {
      for (column, tap) in taps.enumerated() {
        var sum: Float = 0
        for (offset, weight) in tap.weights.enumerated() { sum += weight * self[row, tap.first + offset] }
        result[row, column] = sum
      }
    }
    return result
  }
}
