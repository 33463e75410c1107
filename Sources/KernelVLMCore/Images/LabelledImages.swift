/// The two halves of a data set.
public enum Split: String, Sendable, CaseIterable {
  /// To learn from.
  case train
  /// To be judged by.
  case test
}

/// Square grey images of one size, with one label each if their names are known; bytes until they are used.
public struct LabelledImages: Sendable, Equatable {
  /// `count` images of `side` rows of `side` pixels, row-major; 0 is background, 255 is ink.
  public let images: [UInt8]
  /// For each image the index of its name in the vocabulary; empty if they have none.
  public let labels: [UInt8]
  /// Pixels along an edge.
  public let side: Int

  /// Images that were made to fit: what does not is a mistake of the program, and traps.
  public init(images: [UInt8], labels: [UInt8], side: Int) {
    precondition(
      side > 0 && images.count == labels.count * side * side,
      "no labelled images: \(images.count) bytes, \(labels.count) labels, side \(side)")
    self.images = images
    self.labels = labels
    self.side = side
  }

  /// Images from bytes, which are checked.
  /// - Parameters:
  ///   - bytes: one image of `side` · `side` bytes behind the other, row-major; 0 is background, 255 is ink.
  ///   - side: pixels along an edge.
  ///   - labels: for each image the index of its name; nil if the names are not known: such images can be spelled.
  ///   - names: how many names there are; labels are below it.
  /// - Throws: `ConfigurationError` for a side outside 1 to 1024, bytes that are not whole images, another number of labels
  ///   than of images, and a label that is no name's.
  public init(
    bytes: [UInt8], side: Int, labels: [UInt8]? = nil, names: Int = 256
  ) throws(ConfigurationError) {
    guard (1...1024).contains(side) else {
      throw ConfigurationError("side of the images", value: side, rule: "1 to 1024")
    }
    let (count, rest) = bytes.count.quotientAndRemainder(dividingBy: side * side)
    guard rest == 0 else {
      throw ConfigurationError(
        "number of bytes", value: bytes.count, rule: "a multiple of \(side * side), the pixels of an image")
    }
    if let labels {
      guard labels.count == count else {
        throw ConfigurationError("number of labels", value: labels.count, rule: "\(count), one for each image")
      }
      if let label = labels.first(where: { $0 >= names }) {
        throw ConfigurationError("label", value: label, rule: "below the number of names, \(names)")
      }
    }
    images = bytes
    self.labels = labels ?? []
    self.side = side
  }

  /// How many images.
  public var count: Int { images.count / (side * side) }

  /// The `side` * `side` bytes of image `index`.
  public subscript(index: Int) -> ArraySlice<UInt8> {
    precondition(index >= 0 && index < count, "image \(index) of \(count)")
    return images[index * side * side..<(index + 1) * side * side]
  }
}
