/// Drawn shapes that are no digits: 24 x 32 bytes, one shape somewhere in each, as strokes or filled.
///
/// An image depends on (seed, split, index) alone, so any range can be made by itself and in parallel: see `Drawing`.
public struct DrawnShapes: Sendable, Equatable {
  /// Rows and columns: not square, so that nothing that learns from them can take one for the other.
  public static let size = ImageSize(24, 32)

  /// Of the shapes that the command draws.
  public static let defaultSeed: UInt64 = 42

  /// In the order of the labels.
  public static let names = [
    "circle", "square", "triangle", "star", "cross", "arrow", "heart", "moon", "spiral", "wave",
  ]

  /// What all images depend on.
  public let seed: UInt64

  /// Nothing is drawn yet.
  public init(seed: UInt64 = Self.defaultSeed) {
    self.seed = seed
  }

  /// 20,000 to train, 4,000 to test.
  public func count(_ split: Split) -> Int { split == .train ? 20_000 : 4_000 }

  /// The images `range` of a split, drawn by at most `threads` threads of `parallel`; no byte depends on them.
  public func images(
    _ split: Split, _ range: Range<Int>, threads: Int = 1, parallel: Parallel = .serial
  ) -> LabelledImages {
    precondition(range.lowerBound >= 0 && range.upperBound <= count(split), "\(split) images \(range)")
    return Drawing(seed: seed, size: Self.size, glyphs: DrawnGlyph.shapes, hand: Hand.init(shapeBy:))
      .images(split, range, threads: threads, parallel: parallel)
  }
}

extension Hand {
  /// Of somebody who draws a shape of 11 to 19 pixels, turned by at most 35 degrees, where it has its place.
  fileprivate init(shapeBy random: inout SplitMix64) {
    let half = random.uniform(5.5, 9.5)
    radius = random.uniform(0.5, 0.5 + 0.09 * half)
    let stretch = random.uniform(0.87, 1.15)
    // The turn by atan t, R = (c -s; s c), of a stretch diag(a, b) is diag(c a, b / c), a slant s c and a tilt t.
    let tangent = random.uniform(-0.7, 0.7)
    let cosine = 1 / (1 + tangent * tangent).squareRoot()
    size = 2 * half * SIMD2(stretch * cosine, 1 / (stretch * cosine))
    slant = tangent * cosine * cosine
    tilt = tangent
    let middle = 0.5 * SIMD2(Float(DrawnShapes.size.width), Float(DrawnShapes.size.height))
    let room = pointwiseMax(middle - 1.2 * half - 1, SIMD2(0, 0))
    center = middle + room * SIMD2(random.uniform(-1, 1), random.uniform(-1, 1))
    bend = SIMD2(random.bell(0.15), random.bell(0.15))
    // Corners are two strokes' ends and must stay together.
    jitter = 0
  }
}

extension DrawnGlyph {
  /// For each of `DrawnShapes.names` the ways to draw it, within the circle that touches the unit square.
  fileprivate static let shapes: [[DrawnGlyph]] = [
    circle, square, triangle, star, cross, arrow, heart, moon, spiral, wave,
  ]

  /// An outline, empty and filled.
  private static func outline(_ strokes: [[SIMD2<Float>]]) -> [DrawnGlyph] {
    [false, true].map { DrawnGlyph(strokes, isFilled: $0) }
  }

  private static func outline(_ strokes: [(Float, Float)]...) -> [DrawnGlyph] {
    outline(strokes.map { stroke in stroke.map { SIMD2($0.0, $0.1) } })
  }

  /// The strokes between corners, back to the first.
  private static func polygon(_ corners: (Float, Float)...) -> [[SIMD2<Float>]] {
    let points = corners.map { SIMD2($0.0, $0.1) }
    return points.indices.map { [points[$0], points[($0 + 1) % points.count]] }
  }

  private static let circle = outline([
    (1.0, 0.5), (0.854, 0.854), (0.5, 1.0), (0.146, 0.854), (0.0, 0.5), (0.146, 0.146), (0.5, 0.0), (0.854, 0.146),
    (1.0, 0.5),
  ])

  private static let square = outline(polygon((0.146, 0.146), (0.854, 0.146), (0.854, 0.854), (0.146, 0.854)))

  private static let triangle = outline(polygon((0.5, 0.0), (0.933, 0.75), (0.067, 0.75)))

  private static let star = outline(
    polygon(
      (0.5, 0.0), (0.623, 0.33), (0.976, 0.345), (0.7, 0.565), (0.794, 0.905), (0.5, 0.71), (0.206, 0.905),
      (0.3, 0.565), (0.024, 0.345), (0.377, 0.33)))

  private static let cross = [
    DrawnGlyph([(0.025, 0.5), (0.975, 0.5)], [(0.5, 0.025), (0.5, 0.975)]),
    DrawnGlyph(
      polygon(
        (0.35, 0.025), (0.65, 0.025), (0.65, 0.35), (0.975, 0.35), (0.975, 0.65), (0.65, 0.65), (0.65, 0.975),
        (0.35, 0.975), (0.35, 0.65), (0.025, 0.65), (0.025, 0.35), (0.35, 0.35)), isFilled: true),
  ]

  private static let arrow = [
    DrawnGlyph([(0.0, 0.5), (0.99, 0.5)], [(0.65, 0.2), (0.99, 0.5)], [(0.99, 0.5), (0.65, 0.8)]),
    DrawnGlyph([(1.0, 0.5), (0.01, 0.5)], [(0.35, 0.2), (0.01, 0.5)], [(0.01, 0.5), (0.35, 0.8)]),
    DrawnGlyph(
      polygon((0.01, 0.4), (0.525, 0.4), (0.525, 0.175), (1.0, 0.5), (0.525, 0.825), (0.525, 0.6), (0.01, 0.6)),
      isFilled: true),
  ]

  private static let heart = outline(
    [(0.5, 0.3), (0.65, 0.11), (0.86, 0.14), (0.94, 0.35), (0.81, 0.6), (0.5, 0.975)],
    [(0.5, 0.975), (0.19, 0.6), (0.06, 0.35), (0.14, 0.14), (0.35, 0.11), (0.5, 0.3)])

  private static let moon = outline(
    [(0.821, 0.117), (0.5, 0.0), (0.146, 0.146), (0.0, 0.5), (0.146, 0.854), (0.5, 1.0), (0.821, 0.883)],
    [(0.821, 0.883), (0.56, 0.75), (0.46, 0.5), (0.56, 0.25), (0.821, 0.117)])

  private static let spiral = [
    DrawnGlyph([
      (0.54, 0.5), (0.552, 0.552), (0.5, 0.606), (0.402, 0.598), (0.329, 0.5), (0.356, 0.356), (0.5, 0.263),
      (0.691, 0.309), (0.803, 0.5), (0.737, 0.737), (0.5, 0.869), (0.216, 0.784), (0.066, 0.5), (0.17, 0.17),
      (0.5, 0.0),
    ]),
    DrawnGlyph([
      (0.46, 0.5), (0.448, 0.552), (0.5, 0.606), (0.598, 0.598), (0.671, 0.5), (0.644, 0.356), (0.5, 0.263),
      (0.309, 0.309), (0.197, 0.5), (0.263, 0.737), (0.5, 0.869), (0.784, 0.784), (0.934, 0.5), (0.83, 0.17),
      (0.5, 0.0),
    ]),
  ]

  private static let wave = [
    DrawnGlyph([
      (0.0, 0.5), (0.062, 0.352), (0.125, 0.29), (0.188, 0.352), (0.25, 0.5), (0.312, 0.648), (0.375, 0.71),
      (0.438, 0.648), (0.5, 0.5), (0.562, 0.352), (0.625, 0.29), (0.688, 0.352), (0.75, 0.5), (0.812, 0.648),
      (0.875, 0.71), (0.938, 0.648), (1.0, 0.5),
    ]),
    DrawnGlyph([
      (0.0, 0.5), (0.062, 0.648), (0.125, 0.71), (0.188, 0.648), (0.25, 0.5), (0.312, 0.352), (0.375, 0.29),
      (0.438, 0.352), (0.5, 0.5), (0.562, 0.648), (0.625, 0.71), (0.688, 0.648), (0.75, 0.5), (0.812, 0.352),
      (0.875, 0.29), (0.938, 0.352), (1.0, 0.5),
    ]),
  ]
}
