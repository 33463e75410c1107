import ReferenceKernels

/// A model whose kernels were chosen at run time.
public protocol SpellingModel: Sendable {
  /// Its shape and its loss.
  var configuration: ModelConfiguration { get }
  /// The tokens of its names.
  var vocabulary: Vocabulary { get }
  /// The names and shapes of its parameters.
  var table: ParameterTable { get }
  /// Spells the images `range`, the same for any number of threads.
  /// - Throws: `ConfigurationError` if the images are smaller than the model's.
  func spell(_ images: LabelledImages, _ range: Range<Int>, threads: Int) throws(ConfigurationError) -> [Spelling]
  /// Spells image `index` and keeps what led to it: features, attention, and the whole distribution at each letter.
  /// - Throws: `ConfigurationError` if the image is smaller than the model's.
  func trace(_ images: LabelledImages, _ index: Int) throws(ConfigurationError) -> Trace
  /// The probability that the model spells `name` for image `index`.
  /// - Throws: `ConfigurationError` if the image is smaller than the model's, or for a name that it cannot spell.
  func probability(of name: String, _ images: LabelledImages, _ index: Int) throws(ConfigurationError) -> Double
  /// The parameters as the tensors of a checkpoint, in the model's own precision.
  func tensors() -> [Safetensors.Tensor]
}

extension SpellingModel {
  /// SHA-256 of all parameters, little-endian, in the order of the table.
  public var weightsSHA256: String { tensors().sha256 }
}

extension VisionLanguageModel: SpellingModel {
  public func tensors() -> [Safetensors.Tensor] { table.tensors(of: buffer) }
}

extension SpellingModel {
  /// Spells one image, whose name need not be known.
  /// - Parameters:
  ///   - bytes: `size.pixels` grey values, row-major; 0 is background, 255 is ink.
  ///   - size: rows and columns.
  /// - Throws: `ConfigurationError` if these are not so many bytes, or if the image is smaller than the model's.
  public func spell(_ bytes: [UInt8], size: ImageSize) throws(ConfigurationError) -> Spelling {
    try spell(.one(bytes, size: size), 0..<1, threads: 1)[0]
  }

  /// Spells one image and keeps what led to it; otherwise as `spell(_:size:)`.
  public func trace(_ bytes: [UInt8], size: ImageSize) throws(ConfigurationError) -> Trace {
    try trace(.one(bytes, size: size), 0)
  }

  /// The probability that the model spells `name` for one image; otherwise as `spell(_:size:)`.
  /// - Throws: `ConfigurationError` also for a name that it cannot spell.
  public func probability(of name: String, _ bytes: [UInt8], size: ImageSize) throws(ConfigurationError) -> Double {
    try probability(of: name, .one(bytes, size: size), 0)
  }

  /// Spells all images and compares.
  /// - Throws: `ConfigurationError` if the images have no labels, or are smaller than the model's.
  public func evaluate(_ images: LabelledImages, threads: Int = 1) throws(ConfigurationError) -> Evaluation {
    guard images.labels.count == images.count else {
      throw ConfigurationError("labels", value: "none", rule: "one for each image")
    }
    let spellings = try spell(images, 0..<images.count, threads: threads)
    return Evaluation(spellings, labels: images.labels, names: configuration.names)
  }
}

extension Checkpoint {
  /// A model without the state of its training; `provenance` is recorded beside the configuration.
  public init(_ model: any SpellingModel, provenance: [String: String]) {
    self.init(model, moments: [], provenance: provenance)
  }

  init(_ model: any SpellingModel, moments: [Safetensors.Tensor], provenance: [String: String]) {
    configuration = model.configuration
    vocabulary = model.vocabulary
    self.provenance = provenance
    tensors = model.tensors()
    self.moments = moments
  }
}

extension LabelledImages {
  fileprivate static func one(_ bytes: [UInt8], size: ImageSize) throws(ConfigurationError) -> LabelledImages {
    let image = try LabelledImages(bytes: bytes, size: size)
    guard image.count == 1 else { throw ConfigurationError("number of images", value: image.count, rule: "1") }
    return image
  }
}
