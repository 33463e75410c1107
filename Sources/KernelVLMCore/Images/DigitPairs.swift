/// Pictures of two digits side by side, as the number that they are written: an image of digit a, and right of it one of
/// digit b, have the label 10 a + b.
///
/// The two images are unchanged: h x w becomes h x 2 w. Pairs of a split are made of images of that split alone. Which ones
/// depends on the seed, the split and the number of images: in every run through them each is once on the left and once on
/// the right, both in an order that is a random permutation.
public struct DigitPairs: Sendable, Equatable {
  /// Of the pairs that the command makes.
  public static let defaultSeed: UInt32 = 42

  /// "zero" to "ninety-nine"; label 7 is "seven", and its picture shows 0 and 7.
  public static var names: [String] { NumberNames.belowHundred }

  /// The permutations are those of `MersenneTwister` with this seed, and with the next one for test images.
  public let seed: UInt32

  /// Nothing is paired yet.
  public init(seed: UInt32 = Self.defaultSeed) {
    self.seed = seed
  }

  /// Of so many `images` to train two runs through, of those to test one or 10,000 pairs.
  ///
  /// So MNIST gives 120,000 and 10,000. More pairs would be more to learn from, of 3.6 billion that there are, but these
  /// already take four times the memory of the images that they are made of: 188 MB.
  public func count(_ split: Split, of images: Int) -> Int { split == .train ? 2 * images : min(images, 10_000) }

  /// All pairs of a split, made of all its images.
  /// - Throws: `ConfigurationError` for labels that are no digits, and for images that are too wide to stand side by side.
  public func images(_ split: Split, of digits: LabelledImages) throws(ConfigurationError) -> LabelledImages {
    let (count, size) = (digits.count, digits.size)
    guard digits.labels.count == count else {
      throw ConfigurationError("labels", value: "none", rule: "one for each image")
    }
    if let label = digits.labels.first(where: { $0 > 9 }) {
      throw ConfigurationError("label", value: label, rule: "a digit, to be paired")
    }
    guard 2 * size.width <= LabelledImages.greatestEdge else {
      throw ConfigurationError(
        "width of the images", value: size.width, rule: "at most \(LabelledImages.greatestEdge / 2), to be paired")
    }
    let total = self.count(split, of: count)
    var random = MersenneTwister(seed: split == .train ? seed : seed &+ 1)
    var (images, labels): ([UInt8], [UInt8]) = ([], [])
    images.reserveCapacity(2 * total * size.pixels)
    labels.reserveCapacity(total)
    while labels.count < total {
      let left = random.permutation(count)
      let right = random.permutation(count)
      for (left, right) in zip(left, right).prefix(total - labels.count) {
        for row in 0..<size.height {
          for index in [left, right] {
            let start = index * size.pixels + row * size.width
            images.append(contentsOf: digits.images[start..<start + size.width])
          }
        }
        labels.append(10 * digits.labels[left] + digits.labels[right])
      }
    }
    return LabelledImages(images: images, labels: labels, size: ImageSize(size.height, 2 * size.width))
  }
}
