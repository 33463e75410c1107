/// Images that are drawn from a seed: each depends on (seed, split, index) alone, so any range can be made by itself and in
/// parallel.
///
/// A glyph of the label is chosen, its control points are jittered, joined by Catmull-Rom curves and warped by a random
/// `Hand`; a pixel's ink is 255 clip(radius + 1/2 - distance to the nearest stroke, 0, 1), and the distance within a filled
/// glyph is 0. Only IEEE arithmetic and square roots are used, no library function: the same bytes on every machine.
struct Drawing: Sendable {
  /// What all images depend on.
  let seed: UInt64
  /// Of each image.
  let size: ImageSize
  /// For each label, 0, 1, …, the ways to draw it; all labels are about as frequent.
  let glyphs: [[DrawnGlyph]]
  /// How one image is drawn.
  let hand: @Sendable (inout SplitMix64) -> Hand

  /// The images `range` of a split, drawn by at most `threads` threads of `parallel`; no byte depends on them.
  func images(_ split: Split, _ range: Range<Int>, threads: Int, parallel: Parallel) -> LabelledImages {
    let blockLength = 500
    let blocks = (range.count + blockLength - 1) / blockLength
    var images = [UInt8](repeating: 0, count: range.count * size.pixels)
    var labels = [UInt8](repeating: 0, count: range.count)
    images.withUnsafeMutableBufferPointer { images in
      labels.withUnsafeMutableBufferPointer { labels in
        parallel(count: blocks, threads: threads) { block, _ in
          let positions = block * blockLength..<min((block + 1) * blockLength, range.count)
          draw(split, positions, from: range.lowerBound, images: images, labels: labels)
        }
      }
    }
    return LabelledImages(images: images, labels: labels, size: size)
  }

  /// The images at `positions`, of which that at 0 has the index `first`.
  private func draw(
    _ split: Split, _ positions: Range<Int>, from first: Int, images: UnsafeMutableBufferPointer<UInt8>,
    labels: UnsafeMutableBufferPointer<UInt8>
  ) {
    var canvas = Canvas(size)
    for position in positions {
      var random = SplitMix64(seed: seed, stream: (split == .train ? 0 : 1 << 32) + UInt64(first + position))
      let label = random.index(below: glyphs.count)
      let hand = hand(&random)
      let glyph = glyphs[label][random.index(below: glyphs[label].count)]
      canvas.clear()
      var outline: [SIMD2<Float>] = []
      for stroke in glyph.strokes {
        let curve = hand.curve(through: stroke, using: &random)
        canvas.add(curve)
        if glyph.isFilled { outline += curve }
      }
      canvas.fill(outline)
      canvas.ink(radius: hand.radius, into: images, at: position * size.pixels)
      labels[position] = UInt8(label)
    }
  }
}

/// How one image is drawn: the random quantities that its strokes share.
struct Hand {
  /// Half the stroke's width, in pixels.
  var radius: Float
  /// Width and height of the unit square, in pixels.
  var size: SIMD2<Float>
  /// Where the middle of the unit square is.
  var center: SIMD2<Float>
  /// The warp's first shear: x - slant y.
  var slant: Float
  /// The second: y + tilt x.
  var tilt: Float
  /// How far the middles of edges are moved, as a part of half their length.
  var bend: SIMD2<Float>
  /// How far control points are moved, as a part of the unit square.
  var jitter: Float

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
  /// No radius reaches this far: pixels further away stay without ink.
  private static let reach: Float = 2.5
  private static let ramp = SIMD8<Float>(0, 1, 2, 3, 4, 5, 6, 7)

  private let size: ImageSize
  /// Vectors in a row; the last one may have pixels that are not shown.
  private let vectors: Int
  private var squares: [SIMD8<Float>]

  init(_ size: ImageSize) {
    self.size = size
    vectors = (size.width + Self.lanes - 1) / Self.lanes
    squares = [SIMD8<Float>](repeating: SIMD8(repeating: 100), count: size.height * vectors)
  }

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
    let rows = Self.cells(low.y, high.y, length: 1, count: size.height)
    let columns = Self.cells(low.x, high.x, length: Self.lanes, count: vectors)
    for row in rows {
      let y = Float(row) + 0.5 - a.y
      for vector in columns {
        let x = Self.ramp + (Float(vector * Self.lanes) + 0.5 - a.x)
        let t = clipped((x * d.x + y * d.y) * scale)
        let dx = x - t * d.x
        let dy = y - t * d.y
        let index = row * vectors + vector
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

  /// Makes the distance 0 within a polygon, whose last point is joined to the first: at pixels from whose middle an odd
  /// number of edges lies to the left.
  mutating func fill(_ polygon: [SIMD2<Float>]) {
    guard var a = polygon.last else { return }
    for b in polygon {
      for row in Self.cells(min(a.y, b.y), max(a.y, b.y), length: 1, count: size.height) {
        let y = Float(row) + 0.5
        if (a.y > y) != (b.y > y) { flip(row, from: a.x + (y - a.y) / (b.y - a.y) * (b.x - a.x)) }
      }
      a = b
    }
    for index in squares.indices { squares[index].replace(with: 0, where: squares[index] .< 0) }
  }

  /// Exchanges inside and outside from `x` to the end of a row: inside, the squares are negative.
  private mutating func flip(_ row: Int, from x: Float) {
    for vector in 0..<vectors {
      let middles = Self.ramp + (Float(vector * Self.lanes) + 0.5)
      let index = row * vectors + vector
      squares[index].replace(with: -squares[index], where: middles .> x)
    }
  }

  /// Writes the inked pixels; the image at `bytes[start...]` is blank before.
  func ink(radius: Float, into bytes: UnsafeMutableBufferPointer<UInt8>, at start: Int) {
    let edge = radius + 0.5
    for (index, square) in squares.enumerated() where any(square .< edge * edge) {
      let (row, vector) = index.quotientAndRemainder(dividingBy: vectors)
      let first = start + row * size.width + vector * Self.lanes
      let level = 255 * clipped(edge - square.squareRoot()) + 0.5
      for lane in 0..<min(Self.lanes, size.width - vector * Self.lanes) {
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
struct SplitMix64 {
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
