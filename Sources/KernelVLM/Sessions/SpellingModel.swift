import ReferenceKernels

/// A model whose kernels were chosen at run time.
public protocol SpellingModel: Sendable {
  var configuration: ModelConfiguration { get }
  var vocabulary: Vocabulary { get }
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
  ///   - bytes: `side` · `side` grey values, row-major; 0 is background, 255 is ink.
  /// - Throws: `ConfigurationError` if these are not so many bytes, or if the image is smaller than the model's.
  public func spell(_ bytes: [UInt8], side: Int) throws(ConfigurationError) -> Spelling {
    let image = try LabelledImages(bytes: bytes, side: side)
    guard image.count == 1 else { throw ConfigurationError("number of images", value: image.count, rule: "1") }
    return try spell(image, 0..<1, threads: 1)[0]
  }

  /// Spells all images and compares.
  /// - Throws: `ConfigurationError` if the images have no labels, or are smaller than the model's.
  public func evaluate(_ images: LabelledImages, threads: Int) throws(ConfigurationError) -> Evaluation {
    guard images.labels.count == images.count else {
      throw ConfigurationError("labels", value: "none", rule: "one for each image")
    }
    let spellings = try spell(images, 0..<images.count, threads: threads)
    return Evaluation(spellings, labels: images.labels, names: configuration.names)
  }
}

extension Checkpoint {
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
