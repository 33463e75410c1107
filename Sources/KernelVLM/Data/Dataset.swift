import Foundation

/// Images to train on and images to be judged by.
public struct Dataset: Sendable {
  /// Where the images come from; printed beside every figure.
  public enum Name: String, Sendable {
    /// The published MNIST, by the SHA-256 of its files.
    case mnist
    /// Made by `DrawnDigits`.
    case drawn
    /// Made by `DigitPairs`, of any digits.
    case pairs
    /// Made by `DrawnShapes`.
    case shapes
    /// Any other IDX files.
    case custom

    func title(base: Name?) -> String { rawValue + (base.map { " of \($0.rawValue)" } ?? "") }
  }

  /// What they are called beside a figure.
  public let name: Name
  /// What pairs are made of.
  public let base: Name?
  /// The names of the labels 0, 1, …: those that the images bring, or else the ten digits.
  public let names: [String]
  /// To learn from.
  public let train: LabelledImages
  /// To be judged by.
  public let test: LabelledImages

  /// Images of one's own are `.custom`.
  public init(
    name: Name, base: Name? = nil, names: [String] = Vocabulary.digitNames, train: LabelledImages, test: LabelledImages
  ) {
    self.name = name
    self.base = base
    self.names = names
    self.train = train
    self.test = test
  }

  /// "mnist", "pairs of mnist"
  public var title: String { name.title(base: base) }
}

/// Where to take images from; nothing is read before `load`.
public indirect enum DataSource: Sendable, Equatable {
  /// A folder with files of MNIST's names, each raw or gzip.
  case folder(String)
  /// Digits drawn from a seed.
  case drawn(seed: UInt64)
  /// Two digits side by side, of a folder or drawn.
  case pairs(of: DataSource)
  /// Shapes drawn from a seed.
  case shapes(seed: UInt64)

  /// One split of a data set.
  public struct Part: Sendable {
    /// What it is called beside a figure, as judged by its own two files.
    public let name: Dataset.Name
    /// What pairs are made of.
    public let base: Dataset.Name?
    /// Its images, with their labels.
    public let images: LabelledImages

    /// "mnist", "pairs of mnist"
    public var title: String { name.title(base: base) }
  }

  /// Both splits. They are called `mnist` only if all four files are MNIST's.
  /// - Parameters:
  ///   - count: how many names there are; labels are below it. Those of the source if it is nil, or else 10.
  ///   - threads: with 2 or more, files are hashed while they are inflated.
  public func load(names count: Int? = nil, threads: Int = Threads.defaultCount) throws(FileError) -> Dataset {
    let names = try names() ?? Vocabulary.digitNames
    let train = try load(.train, names: count ?? names.count, threads: threads)
    let test = try load(.test, names: count ?? names.count, threads: threads)
    if let file = folder.map({ MNIST.files(.test).images.place(in: $0) }), train.images.size != test.images.size {
      throw FileError(
        .malformed, path: file,
        "expected test images of \(train.images.size) as in train, found \(test.images.size)")
    }
    return Dataset(
      name: train.name == test.name ? train.name : .custom,
      base: train.base.map { $0 == test.base ? $0 : .custom }, names: names, train: train.images, test: test.images)
  }

  /// One split.
  /// - Throws: `FileError`, `missing`, `malformed` or `memory`. What is drawn throws nothing.
  public func load(
    _ split: Split, names count: Int? = nil, threads: Int = Threads.defaultCount
  ) throws(FileError) -> Part {
    switch self {
    case .drawn(let seed):
      let digits = DrawnDigits(seed: seed)
      let images = digits.images(
        split, 0..<digits.count(split), threads: Threads.defaultCount, parallel: .threads)
      return Part(name: .drawn, base: nil, images: images)
    case .shapes(let seed):
      let shapes = DrawnShapes(seed: seed)
      let images = shapes.images(
        split, 0..<shapes.count(split), threads: Threads.defaultCount, parallel: .threads)
      return Part(name: .shapes, base: nil, images: images)
    case .pairs(let digits):
      return try Self.pairs(split, of: digits, threads: threads)
    case .folder(let folder):
      let names = try names() ?? Vocabulary.digitNames
      return try Self.read(split, folder: folder, names: count ?? names.count, threads: threads)
    }
  }

  /// The names that the images bring: those of what is made here, and of a folder those of its `names.txt`, if it has one.
  /// - Throws: `FileError`, `missing` or `malformed`, for that file.
  public func names() throws(FileError) -> [String]? {
    switch self {
    case .folder(let folder): try NamesFile(in: folder)?.names
    case .drawn: Vocabulary.digitNames
    case .pairs: DigitPairs.names
    case .shapes: DrawnShapes.names
    }
  }

  /// Where its files are; nil if it has none.
  private var folder: String? {
    switch self {
    case .folder(let folder): folder
    case .pairs(let digits): digits.folder
    case .drawn, .shapes: nil
    }
  }

  private static func pairs(_ split: Split, of digits: DataSource, threads: Int) throws(FileError) -> Part {
    try digits.requireDigits()
    let part = try digits.load(split, names: Vocabulary.digitNames.count, threads: threads)
    let pairs = DigitPairs()
    let path = digits.folder.map { MNIST.files(split).images.place(in: $0) } ?? "drawn"
    try requireMemory(2 * pairs.count(split, of: part.images.count) * part.images.size.pixels, for: path)
    do {
      return Part(name: .pairs, base: part.name, images: try pairs.images(split, of: part.images))
    } catch {
      throw FileError(.malformed, path: path, "expected \(error.setting) \(error.rule), found \(error.value)")
    }
  }

  /// Only digits by their names are paired.
  /// - Throws: `FileError.malformed`.
  func requireDigits() throws(FileError) {
    switch self {
    case .drawn: return
    case .shapes: throw FileError(.malformed, path: "pairs", "expected digits to pair, found shapes")
    case .pairs: throw FileError(.malformed, path: "pairs", "expected digits to pair, found pairs")
    case .folder(let folder):
      guard let file = try NamesFile(in: folder), file.names != Vocabulary.digitNames else { return }
      let found = file.names.prefix(10).map(quoted).joined(separator: ", ")
      throw FileError(
        .malformed, path: file.path,
        "expected the names of the ten digits, zero to nine, to pair, found \(found)")
    }
  }

  private static func read(
    _ split: Split, folder: String, names: Int, threads: Int
  ) throws(FileError) -> Part {
    let (imagesFile, labelsFile) = MNIST.files(split)
    guard let imagesPath = imagesFile.find(in: folder), let labelsPath = labelsFile.find(in: folder) else {
      throw MNIST.lacking([split], in: folder)
    }
    // Both headers before any values, and all checks before values are kept: a bad file takes no memory.
    let labelsContent = try IDXContent(path: labelsPath, rank: 1)
    let imagesContent = try IDXContent(path: imagesPath, rank: 3)
    let shape = imagesContent.dimensions
    let (size, most) = (ImageSize(shape[1], shape[2]), LabelledImages.greatestEdge)
    guard size.height <= most && size.width <= most else {
      throw FileError(
        .malformed, path: imagesContent.path, "expected images of at most \(most) x \(most) pixels, found \(size)")
    }
    guard shape[0] == labelsContent.count else {
      throw FileError(
        .malformed, path: labelsContent.path,
        "expected \(shape[0]) labels, one for each image, found \(labelsContent.count)")
    }
    var labelsHash = IDX.headerHash([labelsContent.count])
    try labelsContent.check { first, labels throws(FileError) in
      labels.withUnsafeBytes { labelsHash.update($0) }
      guard let index = labels.firstIndex(where: { $0 >= names }) else { return }
      throw FileError(
        .malformed, path: labelsPath,
        "expected labels of 0 to \(names - 1), "
          + "found \(labels[index]) at index \(first + labels.distance(from: labels.startIndex, to: index))")
    }
    let areMNISTsLabels = labelsHash.hex() == labelsFile.sha256
    var imagesHash = IDX.headerHash(shape)
    let pixels = try imagesContent.values(threads: threads) { if areMNISTsLabels { imagesHash.update($0) } }
    // A word for each, with its tokens and their probabilities, takes less.
    try requireMemory(256 * shape[0], for: imagesPath)
    let isMNIST = areMNISTsLabels && imagesHash.hex() == imagesFile.sha256
    let images = LabelledImages(images: pixels, labels: try labelsContent.values(), size: size)
    return Part(name: isMNIST ? .mnist : .custom, base: nil, images: images)
  }
}
