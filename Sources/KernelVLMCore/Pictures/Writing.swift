import ReferenceKernels

/// What is written on a picture.
struct Writing {
  /// How much darker than the paper each pixel is, 0 to 1.
  let ink: Plane
  /// The components of the ink, without what cannot be of a digit.
  let components: [Component]

  /// Dark ink on paper whose light is judged by windows of `width` pixels.
  /// - Parameter isFilled: whether one digit may fill the picture, to its border.
  init(_ picture: Plane, changes: Plane, width: Int, isFilled: Bool) {
    let ink = picture.ink(width: width)
    let threshold = ink.inkThreshold(overNoise: isFilled ? 0 : 5)
    self.ink = ink
    guard threshold > 0 else {
      components = []
      return
    }
    // However blurred, an edge of ink is hardly wider than its line; that of a soft shadow is much wider.
    let all = ink.components(above: 0.7 * threshold, seed: threshold) { pixel, level, width in
      let paper = max(48, picture.values[pixel] / max(0.05, 1 - ink.values[pixel]))
      return changes.values[pixel] >= min(0.15, max(0.07, 2 / width)) * level * paper
    }
    components =
      isFilled
      ? all
      : Self.withoutMargins(all.filter { $0.edges >= 0.75 && $0.box.longerEdge >= 6 })
  }

  /// What is written on a picture of dark ink. The narrower the window, the less a shadow or the sheet's edge is taken for
  /// ink; but lines must be narrower still. So it is the narrowest that is more than twice as wide as the lines, and by which
  /// nearly as much is found as by any.
  static func find(on picture: Plane, isFilled: Bool) -> Writing {
    let (shorter, changes) = (min(picture.size.height, picture.size.width), picture.changes)
    let widths = (isFilled ? [2] : [2, 4, 8, 16]).map { max(3, (2 * shorter + 4) * 2 / (5 * $0)) }
    let candidates = widths.map { Writing(picture, changes: changes, width: $0, isFilled: isFilled) }
    let amounts = candidates.map { $0.amount }
    let enough = 0.75 * (amounts.max() ?? 0)
    let best = candidates.indices.last { amounts[$0] >= enough && candidates[$0].lineWidth * 2.5 <= Float(widths[$0]) }
    return candidates[best ?? 0]
  }

  /// Without what runs along the picture's border, and what touches it if there is more ink elsewhere.
  private static func withoutMargins(_ components: [Component]) -> [Component] {
    let free = components.filter { 2 * $0.contacts < $0.box.longerEdge && !$0.isMargin }
    guard !free.isEmpty else { return components }
    let inner = free.filter { $0.contacts == 0 }
    func most(_ components: [Component]) -> Int { components.map { $0.pixels.count }.max() ?? 0 }
    return 5 * most(inner) >= most(free) ? inner : free
  }

  /// How much of it may be digits: the pixels of lines, weighted by the square of how dark they are.
  private var amount: Float {
    components.filter { $0.isLine }.reduce(0) { $0 + $1.level * $1.level * Float($1.pixels.count) }
  }

  /// The width of lines that three quarters of the pixels do not exceed.
  private var lineWidth: Float { components.weighted(0.75) { $0.strokeWidth } ?? 0 }
}

extension Component {
  /// Whether it is made of lines, which are much longer than wide.
  var isLine: Bool { strokeWidth <= 0.37 * Float(box.longerEdge) }
}

extension [Component] {
  /// The number that components with the share `share` of all weight do not exceed; nil if there are none. Each weighs as
  /// much as the square of its pixels, so that specks do not count however many there are.
  func weighted<Number: Comparable>(_ share: Double, _ number: (Component) -> Number) -> Number? {
    let sorted = map { (number: number($0), weight: Double($0.pixels.count * $0.pixels.count)) }.sorted {
      $0.number < $1.number
    }
    let all = sorted.reduce(0) { $0 + $1.weight }
    var sum = 0.0
    return sorted.first { element in
      sum += element.weight
      return sum >= share * all
    }?.number
  }
}
