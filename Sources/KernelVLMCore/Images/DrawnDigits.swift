/// Digits drawn from a seed: 28 x 28 bytes that look like handwriting, for machines without MNIST.
///
/// An image depends on (seed, split, index) alone, so any range can be made by itself and in parallel. A variant of the
/// label's glyph is chosen, its control points are jittered, joined by Catmull-Rom curves and warped by a random `Hand`;
/// a pixel's ink is 255 clip(radius + 1/2 - distance to the nearest stroke, 0, 1). Only IEEE arithmetic and square
/// roots are used, no library function: the same bytes on every machine.
public struct DrawnDigits: Sendable, Equatable {
  /// Pixels along an edge.
  public static let side = 28

  /// Of the digits that the command draws.
  public static let defaultSeed: UInt64 = 42

  /// What all images depend on.
  public let seed: UInt64

  /// Nothing is drawn yet.
  public init(seed: UInt64 = Self.defaultSeed) {
    self.seed = seed
  }

  /// As many as MNIST has: 60,000 to train, 10,000 to test.
  public func count(_ split: Split) -> Int { split == .train ? 60_000 : 10_000 }

  /// The images `range` of a split, drawn by at most `threads` threads of `parallel`; no byte depends on them.
  public func images(
    _ split: Split, _ range: Range<Int>, threads: Int = 1, parallel: Parallel = .serial
  ) -> LabelledImages {
    precondition(range.lowerBound >= 0 && range.upperBound <= count(split), "\(split) images \(range)")
    let blockLength = 500
    let blocks = (range.count + blockLength - 1) / blockLength
    var images = [UInt8](repeating: 0, count: range.count * Self.side * Self.side)
    var labels = [UInt8](repeating: 0, count: range.count)
    images.withUnsafeMutableBufferPointer { images in
      labels.withUnsafeMutableBufferPointer { labels in
        parallel(count: blocks, threads: threads) { block, _ in
          let positions = block * blockLength..<min((block + 1) * blockLength, range.count)
          draw(split, positions, from: range.lowerBound, images: images, labels: labels)
        }
      }
    }
    return LabelledImages(images: images, labels: labels, size: ImageSize(Self.side, Self.side))
  }

  /// The images at `positions`, of which that at 0 has the index `first`.
  private func draw(
    _ split: Split, _ positions: Range<Int>, from first: Int, images: UnsafeMutableBufferPointer<UInt8>,
    labels: UnsafeMutableBufferPointer<UInt8>
  ) {
    var canvas = Canvas()
    for position in positions {
      var random = SplitMix64(seed: seed, stream: (split == .train ? 0 : 1 << 32) + UInt64(first + position))
      let label = random.index(below: DrawnGlyph.variants.count)
      let variants = DrawnGlyph.variants[label]
      let hand = Hand(using: &random)
      canvas.clear()
      for stroke in variants[random.index(below: variants.count)].strokes {
        canvas.add(hand.curve(through: stroke, using: &random))
      }
      canvas.ink(radius: hand.radius, into: images, at: position * Self.side * Self.side)
      labels[position] = UInt8(label)
    }
  }
}

/// How one digit is written: the random quantities that its strokes share.
private struct Hand {
  /// Half the stroke's width, in pixels.
  let radius: Float
  private let size: SIMD2<Float>
  private let center: SIMD2<Float>
  private let slant: Float
  private let tilt: Float
  private let bend: SIMD2<Float>
  private let jitter: Float

  init(using random: inout SplitMix64) {
    radius = random.uniform(0.6, 1.7)
    size = SIMD2(random.uniform(8, 18), random.uniform(14, 21))
    center = 14 + SIMD2(random.bell(1.5), random.bell(1.5))
    slant = 0.15 + random.bell(0.5)
    tilt = random.bell(0.3)
    bend = SIMD2(random.bell(0.2), random.bell(0.15))
    jitter = random.uniform(0.05, 0.15)
  }

  /// The polyline, in pixels, of a smooth curve near `points` (unit square, y down).
  func curve(through points: [SIMD2<Float>], using random: inout SplitMix64) -> [SIMD2<Float>] {
    let shift = SIMD2(random.bell(jitter), random.bell(jitter))
    let controls = points.map { $0 + shift + SIMD2(random.bell(jitter), random.bell(jitter)) }
    let pieces = 4
    var curve: [SIMD2<Float>] = []
    curve.reserveCapacity(pieces * points.count)
    for i in 0..<controls.count - 1 {
      let (p1, p2) = (controls[i], controls[i + 1])
      let p0 = i > 0 ? controls[i - 1] : p1
      let p3 = i + 2 < controls.count ? controls[i + 2] : p2
      for step in 0..<pieces {
        curve.append(warp(Self.catmullRom(p0, p1, p2, p3, Float(step) / Float(pieces))))
      }
    }
    curve.append(warp(controls[controls.count - 1]))
    return curve
  }

  /// Catmull and Rom's cubic: p1 at t = 0, p2 at t = 1, tangents (p2 - p0) / 2 and (p3 - p1) / 2.
  private static func catmullRom(
    _ p0: SIMD2<Float>, _ p1: SIMD2<Float>, _ p2: SIMD2<Float>, _ p3: SIMD2<Float>, _ t: Float
  ) -> SIMD2<Float> {
    let c1 = 0.5 * (p2 - p0)
    let c2 = p0 - 2.5 * p1 + 2 * p2 - 0.5 * p3
    let c3 = 0.5 * (p3 - p0) + 1.5 * (p1 - p2)
    return p1 + t * (c1 + t * (c2 + t * c3))
  }

  /// From the unit square to pixels: bend (each coordinate by the square of the other), scale, slant, tilt, shift.
  private func warp(_ point: SIMD2<Float>) -> SIMD2<Float> {
    var p = 2 * point - 1
    p += bend * (1 - SIMD2(p.y * p.y, p.x * p.x))
    p *= 0.5 * size
    p.x -= slant * p.y
    p.y += tilt * p.x
    return p + center
  }
}

/// The squared distance from each pixel to the nearest stroke.
private struct Canvas {
  private static let lanes = 8
  /// Vectors in a row: 32 pixels, of which the last 4 are not shown.
  private static let width = 4
  /// No radius reaches this far: pixels further away stay without ink.
  private static let reach: Float = 2.5
  private static let ramp = SIMD8<Float>(0, 1, 2, 3, 4, 5, 6, 7)

  private var squares = [SIMD8<Float>](repeating: SIMD8(repeating: 100), count: DrawnDigits.side * Self.width)

  mutating func clear() {
    for i in squares.indices { squares[i] = SIMD8(repeating: 100) }
  }

  mutating func add(_ polyline: [SIMD2<Float>]) {
    for i in 1..<polyline.count { addSegment(from: polyline[i - 1], to: polyline[i]) }
  }

  /// Distance to a segment: q = a + clip((p - a).(b - a) / |b - a|^2, 0, 1) (b - a), |p - q|^2.
  private mutating func addSegment(from a: SIMD2<Float>, to b: SIMD2<Float>) {
    let d = b - a
    let scale = 1 / (d.x * d.x + d.y * d.y + 1e-12)
    let low = pointwiseMin(a, b) - Self.reach
    let high = pointwiseMax(a, b) + Self.reach
    let rows = Self.cells(low.y, high.y, length: 1, count: DrawnDigits.side)
    let vectors = Self.cells(low.x, high.x, length: Self.lanes, count: Self.width)
    for row in rows {
      let y = Float(row) + 0.5 - a.y
      for vector in vectors {
        let x = Self.ramp + (Float(vector * Self.lanes) + 0.5 - a.x)
        let t = clipped((x * d.x + y * d.y) * scale)
        let dx = x - t * d.x
        let dy = y - t * d.y
        let index = row * Self.width + vector
        let square = dx * dx + dy * dy
        squares[index].replace(with: square, where: square .< squares[index])
      }
    }
  }

  /// Which of `count` cells, each `length` pixels long, the interval from `low` to `high` touches.
  private static func cells(_ low: Float, _ high: Float, length: Int, count: Int) -> Range<Int> {
    let first = max(0, min(count, Int(low) / length))
    return first..<max(first, min(count, Int(high) / length + 1))
  }

  /// Writes the inked pixels; the image at `bytes[start...]` is blank before.
  func ink(radius: Float, into bytes: UnsafeMutableBufferPointer<UInt8>, at start: Int) {
    let edge = radius + 0.5
    for (index, square) in squares.enumerated() where any(square .< edge * edge) {
      let (row, vector) = index.quotientAndRemainder(dividingBy: Self.width)
      let first = start + row * DrawnDigits.side + vector * Self.lanes
      let level = 255 * clipped(edge - square.squareRoot()) + 0.5
      for lane in 0..<min(Self.lanes, DrawnDigits.side - vector * Self.lanes) {
        bytes[first + lane] = UInt8(level[lane])
      }
    }
  }
}

/// Clip to 0...1; the standard library's `clamped` is not vectorised.
private func clipped(_ x: SIMD8<Float>) -> SIMD8<Float> {
  x.replacing(with: 0, where: x .< 0).replacing(with: 1, where: x .> 1)
}

/// Steele, Lea and Flood's generator (OOPSLA 2014): a counter, mixed; each (seed, stream) begins elsewhere.
private struct SplitMix64 {
  private var counter: UInt64

  init(seed: UInt64, stream: UInt64) {
    counter = Self.mix(Self.mix(seed) &+ stream)
  }

  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value &+ 0x9e37_79b9_7f4a_7c15
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }

  private mutating func next() -> UInt64 {
    let value = Self.mix(counter)
    counter &+= 0x9e37_79b9_7f4a_7c15
    return value
  }

  /// Uniform in 0 ..< `count`.
  mutating func index(below count: Int) -> Int { Int(next().multipliedFullWidth(by: UInt64(count)).high) }

  /// Uniform between `low` and `high`.
  mutating func uniform(_ low: Float, _ high: Float) -> Float {
    low + (high - low) * Float(next() >> 40) * 0x1p-24
  }

  /// Triangular on -`reach` ... `reach`: two 24-bit uniforms of one word, added.
  mutating func bell(_ reach: Float) -> Float {
    let word = next()
    return reach * (Float(word >> 40) + Float(word & 0xff_ffff) - 0x1p24) * 0x1p-24
  }
}
