/// Digits drawn from a seed: 28 x 28 bytes that look like handwriting, for machines without MNIST.
///
/// An image depends on (seed, split, index) alone, so any range can be made by itself and in parallel: see `Drawing`.
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
    let size = ImageSize(Self.side, Self.side)
    return Drawing(seed: seed, size: size, glyphs: DrawnGlyph.digits, hand: Hand.init(digitBy:))
      .images(split, range, threads: threads, parallel: parallel)
  }
}

extension Hand {
  /// Of somebody who writes a digit.
  fileprivate init(digitBy random: inout SplitMix64) {
    radius = random.uniform(0.6, 1.7)
    size = SIMD2(random.uniform(8, 18), random.uniform(14, 21))
    center = 14 + SIMD2(random.bell(1.5), random.bell(1.5))
    slant = 0.15 + random.bell(0.5)
    tilt = random.bell(0.3)
    bend = SIMD2(random.bell(0.2), random.bell(0.15))
    jitter = random.uniform(0.05, 0.15)
  }
}
