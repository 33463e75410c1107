import ReferenceKernels

/// Pixels of ink that touch one another, with what is known of their shape.
struct Component {
  /// The indices of its pixels in the plane.
  let pixels: [Int]
  let box: PixelBox
  /// How dark it is: the ink that three quarters of its pixels do not exceed.
  let level: Float
  /// The mean width of its lines.
  let strokeWidth: Float
  /// How many pixels stand at the picture's border.
  let contacts: Int
  /// Whether nine in ten stand within a fiftieth of the picture's shorter edge from its border, as a frame's do.
  let isMargin: Bool
  /// The share of its outline at which the picture changes: ink has an edge all around, a shadow has not.
  let edges: Float
}

extension Plane {
  /// The connected components, also across corners, of the pixels above `threshold` that have one above `seed` among them;
  /// in the order of their first pixels.
  /// - Parameter isEdge: whether the picture changes, at this pixel, like lines of this level and this width where they end.
  func components(above threshold: Float, seed: Float, isEdge: (Int, Float, Float) -> Bool) -> [Component] {
    var isTaken = [Bool](repeating: false, count: values.count)
    return values.indices.compactMap { start in
      guard values[start] > seed, !isTaken[start] else { return nil }
      let pixels = connected(to: start, above: threshold, &isTaken)
      return component(pixels, above: threshold, isEdge: isEdge)
    }
  }

  /// The pixels that are connected with `start`, in the order in which they are reached.
  private func connected(to start: Int, above threshold: Float, _ isTaken: inout [Bool]) -> [Int] {
    var pixels = [start]
    isTaken[start] = true
    var next = 0
    while next < pixels.count {
      let (row, column) = pixels[next].quotientAndRemainder(dividingBy: size.width)
      next += 1
      for y in max(0, row - 1)...min(size.height - 1, row + 1) {
        for x in max(0, column - 1)...min(size.width - 1, column + 1) {
          let index = y * size.width + x
          guard !isTaken[index], values[index] > threshold else { continue }
          isTaken[index] = true
          pixels.append(index)
        }
      }
    }
    return pixels
  }

  private func component(_ pixels: [Int], above threshold: Float, isEdge: (Int, Float, Float) -> Bool) -> Component {
    let levels = pixels.map { values[$0] }.sorted()
    let level = levels[levels.count * 3 / 4]
    let sides = pixels.map { freeSides(of: $0, above: threshold) }
    let width = Self.strokeWidth(area: pixels.count, sides: sides.reduce(0, +))
    let outline = zip(pixels, sides).filter { $1 > 0 }.map { $0.0 }
    let edges = outline.count { isEdge($0, level, width) }
    return Component(
      pixels: pixels, box: pixels.dropFirst().reduce(box(of: pixels[0])) { $0.union(box(of: $1)) }, level: level,
      strokeWidth: width,
      contacts: pixels.count { isAtBorder($0, depth: 1) },
      isMargin: 10 * pixels.count { isAtBorder($0, depth: 1 + min(size.height, size.width) / 50) } >= 9 * pixels.count,
      edges: Float(edges) / Float(max(1, outline.count)))
  }

  private func box(of pixel: Int) -> PixelBox {
    let (row, column) = pixel.quotientAndRemainder(dividingBy: size.width)
    return PixelBox(rows: row..<row + 1, columns: column..<column + 1)
  }

  /// How many of the four neighbours of a pixel are not above `threshold`, or outside.
  private func freeSides(of pixel: Int, above threshold: Float) -> Int {
    let (row, column) = pixel.quotientAndRemainder(dividingBy: size.width)
    func isFree(_ row: Int, _ column: Int) -> Bool {
      !((0..<size.height).contains(row) && (0..<size.width).contains(column) && self[row, column] > threshold)
    }
    return [(-1, 0), (1, 0), (0, -1), (0, 1)].count { isFree(row + $0.0, column + $0.1) }
  }

  /// The mean width of lines: twice their area over the length of their outline, which is π/4 of the pixels' sides on it, in
  /// the mean of all directions.
  static func strokeWidth(area: Int, sides: Int) -> Float {
    2 * Float(area) / (Float.pi / 4 * Float(max(1, sides)))
  }

  /// That of the pixels of at least one half.
  var strokeWidth: Float {
    let inked = values.indices.filter { values[$0] >= 0.5 }
    let below = Float(0.5).nextDown
    return Self.strokeWidth(
      area: inked.count, sides: inked.reduce(0) { $0 + freeSides(of: $1, above: below) })
  }
}
