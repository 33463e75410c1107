/// What looks wrong with images although their files are good.
public enum DataDoubt: Sendable, CustomStringConvertible {
  /// The outermost pixels are brighter than half, so ink and background seem to be exchanged.
  case lightBackground
  /// The digits seem to have rows and columns exchanged.
  case transposed

  public var description: String {
    switch self {
    case .lightBackground:
      "the background of these images is light; for a model that has learnt from MNIST it must be 0 and the ink 255"
    case .transposed:
      "these digits look transposed, rows for columns, as those of EMNIST are; MNIST's are upright"
    }
  }
}

extension LabelledImages {
  /// Images that are looked at, evenly spread over all, and drawn digits that they are compared with.
  private static let sampleSize = 1000
  private static let patternSize = 400
  /// Bins along an edge of a mean digit.
  private static let bins = 14
  /// A digit is compared if there are so many images of it, and all are if there are so many digits.
  private static let fewestOfALabel = 3
  private static let fewestLabels = 5
  /// How well transposed digits must fit the pattern (MNIST's by 0.40 to 0.6, other images by 0.11 at most), and by how
  /// much better than it upright (MNIST's by 0.27 to 0.52): see `DataDoubtTests`.
  private static let transposedLeast: Float = 0.25
  private static let transposedMargin: Float = 0.2

  /// What a sample of the images raises.
  ///
  /// The background is light if the outermost pixels are brighter than 127 in the mean; MNIST's are 0. Digits are
  /// transposed if the mean image of each label, less the mean of all labels, correlates better with that of drawn digits
  /// transposed than with it as it is; only labels that are named like the ten digits are judged.
  public func doubts(names: [String]) -> [DataDoubt] {
    let sample = Swift.stride(from: 0, to: count, by: Swift.max(1, count / Self.sampleSize))
    let isLight = hasLightBorder(sample)
    let areLarge = min(size.height, size.width) >= Self.bins
    let areDigits = names == Vocabulary.digitNames && labels.allSatisfy { $0 < names.count } && areLarge
    let fit = areDigits ? correlations(sample, isInverted: isLight) : nil
    let isTransposed =
      fit.map { $0.transposed > Self.transposedLeast && $0.transposed - $0.upright > Self.transposedMargin } ?? false
    return (isLight ? [.lightBackground] : []) + (isTransposed ? [.transposed] : [])
  }

  private func hasLightBorder(_ sample: some Sequence<Int>) -> Bool {
    var sum = 0
    var pixels = 0
    for index in sample {
      let image = Array(self[index])
      for row in [0, size.height - 1] {
        for column in 0..<size.width { sum += Int(image[row * size.width + column]) }
      }
      for column in [0, size.width - 1] {
        for row in 0..<size.height { sum += Int(image[row * size.width + column]) }
      }
      pixels += 2 * (size.height + size.width)
    }
    return sum > 127 * pixels
  }

  /// How the mean digits correlate with drawn ones and with those transposed; nil if there are too few to tell.
  func correlations(
    _ sample: some Sequence<Int>, isInverted: Bool
  ) -> (upright: Float, transposed: Float)? {
    let drawn = DrawnDigits().images(.train, 0..<Self.patternSize)
    let patterns = drawn.meanDigits(0..<drawn.count, isInverted: false)
    let means = meanDigits(sample, isInverted: isInverted)
    let labels = means.keys.filter { patterns[$0] != nil }.sorted()
    guard labels.count >= Self.fewestLabels else { return nil }
    let (found, pattern) = (Self.differences(means, labels), Self.differences(patterns, labels))
    let area = Self.bins * Self.bins
    let transposed = pattern.indices.map { i in
      pattern[i / area * area + i % Self.bins * Self.bins + i % area / Self.bins]
    }
    return (Self.correlation(found, pattern), Self.correlation(found, transposed))
  }

  /// For each label of which the sample has enough images their mean, in `bins` x `bins` sums of pixels.
  private func meanDigits(_ sample: some Sequence<Int>, isInverted: Bool) -> [UInt8: [Float]] {
    var sums: [UInt8: (sum: [Float], count: Int)] = [:]
    for index in sample {
      var (sum, count) = sums[labels[index]] ?? ([Float](repeating: 0, count: Self.bins * Self.bins), 0)
      for (i, pixel) in self[index].enumerated() {
        let (row, column) = i.quotientAndRemainder(dividingBy: size.width)
        let bin = row * Self.bins / size.height * Self.bins + column * Self.bins / size.width
        sum[bin] += Float(isInverted ? 255 - pixel : pixel)
      }
      count += 1
      sums[labels[index]] = (sum, count)
    }
    return sums.filter { $0.value.count >= Self.fewestOfALabel }
      .mapValues { sum, count in sum.map { $0 / Float(count) } }
  }

  /// The means of `labels`, one after the other, each less the mean of all.
  private static func differences(_ means: [UInt8: [Float]], _ labels: [UInt8]) -> [Float] {
    let digits = labels.map { means[$0, default: []] }
    let common = digits[0].indices.map { bin in digits.reduce(0) { $0 + $1[bin] } / Float(digits.count) }
    return digits.flatMap { digit in zip(digit, common).map { $0 - $1 } }
  }

  /// The cosine of the angle between them; 0 if one is 0.
  private static func correlation(_ a: [Float], _ b: [Float]) -> Float {
    func product(_ a: [Float], _ b: [Float]) -> Float { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
    let norms = (product(a, a) * product(b, b)).squareRoot()
    return norms > 0 ? product(a, b) / norms : 0
  }
}
