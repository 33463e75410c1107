// Whoever has images says their size.
@_exported import struct ReferenceKernels.ImageSize

/// The two halves of a data set.
public enum Split: String, Sendable, CaseIterable {
  /// To learn from.
  case train
  /// To be judged by.
  case test
}

/// Grey images of one size, with one label each if their names are known; bytes until they are used.
public struct LabelledImages: Sendable, Equatable {
  /// `count` images of `size.height` rows of `size.width` pixels, row-major; 0 is background, 255 is ink.
  public let images: [UInt8]
  /// For each image the index of its name in the vocabulary; empty if they have none.
  public let labels: [UInt8]
  /// Rows and columns of each image.
  public let size: ImageSize

  /// The greatest height and width that bytes from outside may have.
  public static let greatestEdge = 1024

  /// Images that were made to fit: what does not is a mistake of the program, and traps.
  public init(images: [UInt8], labels: [UInt8], size: ImageSize) {
    precondition(
      size.height > 0 && size.width > 0 && images.count == labels.count * size.pixels,
      "no labelled images: \(images.count) bytes, \(labels.count) labels, \(size)")
    self.images = images
    self.labels = labels
    self.size = size
  }

  /// Images from bytes, which are checked.
  /// - Parameters:
  ///   - bytes: one image of `size.pixels` bytes behind the other, row-major; 0 is background, 255 is ink.
  ///   - size: rows and columns.
  ///   - labels: for each image the index of its name; nil if the names are not known: such images can be spelled.
  ///   - names: how many names there are; labels are below it.
  /// - Throws: `ConfigurationError` for a height or width outside 1 to 1024, bytes that are not whole images, another number
  ///   of labels than of images, and a label that is no name's.
  public init(
    bytes: [UInt8], size: ImageSize, labels: [UInt8]? = nil, names: Int = 256
  ) throws(ConfigurationError) {
    for (edge, length) in [("height", size.height), ("width", size.width)] {
      guard (1...Self.greatestEdge).contains(length) else {
        throw ConfigurationError("\(edge) of the images", value: length, rule: "1 to \(Self.greatestEdge)")
      }
    }
    let (count, rest) = bytes.count.quotientAndRemainder(dividingBy: size.pixels)
    guard rest == 0 else {
      throw ConfigurationError(
        "number of bytes", value: bytes.count, rule: "a multiple of \(size.pixels), the pixels of an image")
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
    self.size = size
  }

  /// How many images.
  public var count: Int { images.count / size.pixels }

  /// The `size.pixels` bytes of image `index`.
  public subscript(index: Int) -> ArraySlice<UInt8> {
    precondition(index >= 0 && index < count, "image \(index) of \(count)")
    return images[index * size.pixels..<(index + 1) * size.pixels]
  }
}
