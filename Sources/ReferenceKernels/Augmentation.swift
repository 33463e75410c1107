/// How far augmentation moves an image at most. Finite, and none below 0.
public struct AugmentationStrength: Equatable, Sendable {
  /// In degrees, either way.
  public var rotation: Double
  /// In pixels, along each axis.
  public var shift: Double
  /// Scales lie in 1 − zoom ..< 1 + zoom, along each axis.
  public var zoom: Double
  /// Pixels to the side for each pixel down.
  public var shear: Double
  /// In pixels: how far a control point of the grid moves along each axis. 0 leaves the grid out.
  public var elastic: Double

  /// All 0 unless given: the image as it is.
  @inlinable
  public init(
    rotation: Double = 0, shift: Double = 0, zoom: Double = 0, shear: Double = 0, elastic: Double = 0
  ) {
    self.rotation = rotation
    self.shift = shift
    self.zoom = zoom
    self.shear = shear
    self.elastic = elastic
  }

  /// Whether every draw gives the image as it is.
  @inlinable
  public var isIdentity: Bool { self == AugmentationStrength() }
}

/// The random words of one draw: they follow from (seed, draw) alone, so any thread may ask for any of them.
public struct AugmentationWords: Sendable {
  /// mix(mix(seed + G) + draw), with G = 0x9e3779b97f4a7c15.
  public let key: UInt64

  /// Those of draw 0, 1, 2, ... of a seed.
  @inlinable
  public init(seed: UInt64, draw: UInt64) { key = Self.mix(Self.mix(seed &+ Self.golden) &+ draw) }

  /// Word k = mix(key + k G).
  @inlinable
  public subscript(k: Int) -> UInt64 { Self.mix(key &+ UInt64(k) &* Self.golden) }

  /// The first of a word's two numbers in [−1, 1): its highest 24 bits / 2²³ − 1.
  @inlinable
  public func first<Scalar: KernelScalar>(_ k: Int, as type: Scalar.Type = Scalar.self) -> Scalar {
    Scalar(self[k] >> 40) / 0x1p23 - 1
  }

  /// The second one, of the next 24 bits.
  @inlinable
  public func second<Scalar: KernelScalar>(_ k: Int, as type: Scalar.Type = Scalar.self) -> Scalar {
    Scalar(self[k] >> 16 & 0xff_ffff) / 0x1p23 - 1
  }

  @usableFromInline static let golden: UInt64 = 0x9e37_79b9_7f4a_7c15

  /// The last step of SplitMix64.
  @inlinable
  static func mix(_ word: UInt64) -> UInt64 {
    var z = word
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }
}

extension ImageSize {
  /// Pixels between two control points of augmentation's grid.
  @usableFromInline static let knot = 7

  /// Rows and columns of augmentation's control points: ⌊(H − 1) / 7⌋ + 4 and ⌊(W − 1) / 7⌋ + 4.
  @inlinable
  public var controlPoints: ImageSize { ImageSize((height - 1) / Self.knot + 4, (width - 1) / Self.knot + 4) }

  /// The scalars of augmentation's scratch: 2 (H + h + 11) (W + 32), with h rows of control points.
  @inlinable
  public var augmentationScratch: Int { 2 * (height + controlPoints.height + 11) * (width + 32) }
}

extension Reference {
  /// The image, moved at random: turned, shifted, zoomed, sheared and bent, by what (seed, draw) says.
  ///
  ///     y(r, c) = the image at (u, v) / 255, interpolated bilinearly; pixels outside it count as 0
  ///     u = A₀₀ x′ + A₀₁ y′ + tx + (W − 1)/2 + Σ_ij w_i(y) w_j(x) gx_ij
  ///     v = A₁₀ x′ + A₁₁ y′ + ty + (H − 1)/2 + Σ_ij w_i(y) w_j(x) gy_ij
  ///
  /// for x = c, y = r and x′ = x − (W − 1)/2, y′ = y − (H − 1)/2, with A = [[cos t, −sin t], [sin t, cos t]] [[zx, s], [0, zy]].
  /// w is the cubic B-spline with knots every 7 pixels (see `augmentationWeight`), gx and gy are control points
  /// (see `ImageSize.controlPoints`). Of the two numbers of each of ``AugmentationWords``, all independent,
  ///
  /// | word | first | second |
  /// | --- | --- | --- |
  /// | 1 | t = rotation · first | s = shear · second |
  /// | 2 | zx = 1 + zoom · first | zy = 1 + zoom · second |
  /// | 3 | tx = shift · first | ty = shift · second |
  /// | 4 + columns i + j | gx_ij = elastic · first | gy_ij = elastic · second |
  ///
  /// y: one row of H W values in 0...1; image: H W bytes, row-major. Strength 0 gives image / 255 exactly; a place that is
  /// NaN gives 0. scratch: one row of `augmentationScratch`. The images are data: there is no gradient.
  @inlinable
  public func augmentationForward(
    _ y: Matrix<Scalar>, image: Span<UInt8>, size: ImageSize, strength: AugmentationStrength, seed: UInt64,
    draw: UInt64, scratch: Matrix<Scalar>
  ) {
    let words = AugmentationWords(seed: seed, draw: draw)
    let angle = Scalar(strength.rotation) * words.first(1) * .pi / 180
    let (cos, sin, shear) = (Scalar.cos(angle), Scalar.sin(angle), Scalar(strength.shear) * words.second(1))
    let (zx, zy) = (1 + Scalar(strength.zoom) * words.first(2), 1 + Scalar(strength.zoom) * words.second(2))
    let (tx, ty) = (Scalar(strength.shift) * words.first(3), Scalar(strength.shift) * words.second(3))
    let grid = size.controlPoints
    let points = scratch.reshaped(rows: 2 * grid.height, columns: grid.width)
    let (gx, gy) = (points.rows(0..<grid.height), points.lastRows(grid.height))
    if strength.elastic != 0 {
      for i in 0..<grid.height {
        for j in 0..<grid.width {
          gx[i, j] = Scalar(strength.elastic) * words.first(4 + grid.width * i + j)
          gy[i, j] = Scalar(strength.elastic) * words.second(4 + grid.width * i + j)
        }
      }
    }
    let (middleX, middleY) = (Scalar(size.width - 1) / 2, Scalar(size.height - 1) / 2)
    for row in 0..<size.height {
      for column in 0..<size.width {
        let (x, y_) = (Scalar(column) - middleX, Scalar(row) - middleY)
        var (bendX, bendY): (Scalar, Scalar) = (0, 0)
        if strength.elastic != 0 {
          for i in 0..<4 {
            for j in 0..<4 {
              let weight = augmentationWeight(i, row) * augmentationWeight(j, column)
              bendX += weight * gx[row / ImageSize.knot + i, column / ImageSize.knot + j]
              bendY += weight * gy[row / ImageSize.knot + i, column / ImageSize.knot + j]
            }
          }
        }
        let u = cos * zx * x + (cos * shear - sin * zy) * y_ + tx + middleX + bendX
        let v = sin * zx * x + (sin * shear + cos * zy) * y_ + ty + middleY + bendY
        y[0, row * size.width + column] = augmentationPixel(image, size, u, v) / 255
      }
    }
  }

  /// w_{q + i} at a row or a column, where q is the last knot up to it: of the basis functions of the cubic B-spline these
  /// four are not 0. Pixels lie in the middle between eighths of a knot's 7: t = (place mod 7 + ½) / 7.
  @inlinable
  func augmentationWeight(_ i: Int, _ place: Int) -> Scalar {
    let t = (Scalar(place % ImageSize.knot) + 0.5) / Scalar(ImageSize.knot)
    let s = 1 - t
    switch i {
    case 0: return s * s * s / 6
    case 1: return (3 * t * t * t - 6 * t * t + 4) / 6
    case 2: return (3 * s * s * s - 6 * s * s + 4) / 6
    default: return t * t * t / 6
    }
  }

  /// Σ_rc tent(v − r) tent(u − c) image(r, c), with tent(x) = 1 − |x| where that is positive, else 0: bilinear
  /// interpolation.
  @inlinable
  func augmentationPixel(_ image: Span<UInt8>, _ size: ImageSize, _ u: Scalar, _ v: Scalar) -> Scalar {
    // NaN is not inside.
    guard v > -2 && v < Scalar(size.height + 1) && u > -2 && u < Scalar(size.width + 1) else { return 0 }
    let (row, column) = (Int(v.rounded(.down)), Int(u.rounded(.down)))
    var sum: Scalar = 0
    // A pixel further than the neighbours: it counts if rounding brings the place over to its side, as a bound of the
    // error must know.
    for r in max(0, row - 1)...min(size.height - 1, row + 2) {
      for c in max(0, column - 1)...min(size.width - 1, column + 2) {
        sum += tent(v - Scalar(r)) * tent(u - Scalar(c)) * Scalar(image[r * size.width + c])
      }
    }
    return sum
  }

  @inlinable
  func tent(_ x: Scalar) -> Scalar {
    let height = 1 - x.magnitude
    return (height + height.magnitude) / 2
  }
}
