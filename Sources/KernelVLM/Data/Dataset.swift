import Foundation

/// Images to train on and images to be judged by.
public struct Dataset: Sendable {
  /// Where the images come from; printed beside every figure.
  public enum Name: String, Sendable {
    /// The published MNIST, by the SHA-256 of its files.
    case mnist
    /// Made by `DrawnDigits`.
    case drawn
    /// Any other IDX files.
    case custom
  }

  /// What they are called beside a figure.
  public let name: Name
  /// To learn from.
  public let train: LabelledImages
  /// To be judged by.
  public let test: LabelledImages

  /// Images of one's own are `.custom`.
  public init(name: Name, train: LabelledImages, test: LabelledImages) {
    self.name = name
    self.train = train
    self.test = test
  }
}

/// Where to take images from; nothing is read before `load`.
public enum DataSource: Sendable, Equatable {
  /// A folder with files of MNIST's names, each raw or gzip.
  case folder(String)
  /// Digits drawn from a seed.
  case drawn(seed: UInt64)

  /// Both splits. They are called `mnist` only if all four files are MNIST's.
  /// - Parameters:
  ///   - names: how many names there are; labels are below it.
  ///   - threads: with 2 or more, files are hashed while they are inflated.
  public func load(names: Int = 10, threads: Int = Threads.defaultCount) throws(FileError) -> Dataset {
    let (trainName, train) = try load(.train, names: names, threads: threads)
    let (testName, test) = try load(.test, names: names, threads: threads)
    if case .folder(let folder) = self, train.size != test.size {
      let file = MNIST.files(.test).images
      throw FileError(
        .malformed, path: file.find(in: folder) ?? file.path(in: folder),
        "expected test images of \(train.size) as in train, found \(test.size)")
    }
    return Dataset(name: trainName == testName ? trainName : .custom, train: train, test: test)
  }

  /// One split, and where it comes from as judged by its own two files.
  /// - Throws: `FileError`, `missing` or `malformed`. Drawn digits throw nothing.
  public func load(
    _ split: Split, names: Int = 10, threads: Int = Threads.defaultCount
  ) throws(FileError) -> (name: Dataset.Name, images: LabelledImages) {
    switch self {
    case .drawn(let seed):
      let digits = DrawnDigits(seed: seed)
      let all = 0..<digits.count(split)
      return (.drawn, digits.images(split, all, threads: Threads.defaultCount, parallel: .threads))
    case .folder(let folder):
      return try Self.read(split, folder: folder, names: names, threads: threads)
    }
  }

  /// What a user names: by the option, or else by KERNELVLM_DATA, which may be empty.
  public static func name(
    _ option: String?, environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> String? {
    option ?? environment["KERNELVLM_DATA"].flatMap { $0.isEmpty ? nil : $0 }
  }

  /// The source that a user names: "drawn", a folder, or nothing, which is the cache folder; what that lacks of `splits`
  /// is fetched.
  /// - Throws: `FileError`: `missing` for a folder without the files of `splits`, `unavailable` where MNIST is to be
  ///   fetched and cannot be (drawn digits are then the caller's choice), `malformed` or `unwritable` for the cache.
  public static func resolve(
    _ option: String?, splits: [Split] = Split.allCases,
    environment: [String: String] = ProcessInfo.processInfo.environment,
    mirrors: [String] = MNIST.mirrors, transport: Transport = httpsTransport,
    progress: @escaping @Sendable (MNIST.Progress) -> Void = { _ in }
  ) throws(FileError) -> DataSource {
    let name = name(option, environment: environment)
    if name == "drawn" { return .drawn(seed: DrawnDigits.defaultSeed) }
    switch try MNIST.locate(folder: name, splits: splits, environment: environment) {
    case .complete(let folder):
      return .folder(folder)
    case .incomplete(let cache):
      try MNIST.fetch(MNIST.files(splits), into: cache, mirrors: mirrors, transport: transport, progress: progress)
      return .folder(cache)
    }
  }

  private static func read(
    _ split: Split, folder: String, names: Int, threads: Int
  ) throws(FileError) -> (name: Dataset.Name, images: LabelledImages) {
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
    let isMNIST = areMNISTsLabels && imagesHash.hex() == imagesFile.sha256
    let images = LabelledImages(images: pixels, labels: try labelsContent.values(), size: size)
    return (isMNIST ? .mnist : .custom, images)
  }
}
