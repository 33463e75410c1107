import ReferenceKernels

/// A trained model in a file: its configuration, its parameters, and where they come from.
///
/// The file is safetensors. Its tensors have the names of `ParameterTable`; its metadata holds the configuration, one
/// string for each setting, and the provenance.
public struct Checkpoint: Sendable, Equatable {
  public let configuration: ModelConfiguration
  /// What else the metadata says: data, steps, seed, …
  public let provenance: [String: String]
  /// The parameters, in the order of the model's table.
  let tensors: [Safetensors.Tensor]

  public init(_ model: any SpellingModel, provenance: [String: String]) {
    configuration = model.configuration
    self.provenance = provenance
    tensors = model.tensors()
  }

  /// - Throws: `FileError` if the file is missing, is not safetensors, or does not hold a model's configuration and
  ///   exactly its tensors.
  public init(path: String) throws(FileError) {
    let file = try Safetensors.load(path)
    var settings = SettingsReader(file.metadata, path: path)
    configuration = try settings.configuration()
    provenance = settings.remaining
    let vocabulary: Vocabulary
    do { vocabulary = try Vocabulary(names: configuration.names) } catch {
      throw FileError(.malformed, path: path, error.description)
    }
    let table = ParameterTable(configuration, vocabularySize: vocabulary.size)
    tensors = try file.tensors(matching: table.entries.map { ($0.name, [$0.rows, $0.columns]) }, path: path)
  }

  /// Replaces the file at `path`, whole or not at all.
  /// - Throws: `FileError` if it cannot be written, or if a parameter is not finite.
  public func save(_ path: String) throws(FileError) {
    let metadata = provenance.merging(configuration.settings) { _, setting in setting }
    try Safetensors(metadata: metadata, tensors: tensors).save(path)
  }

  /// The model, in the precision of `kernels`.
  func model<K: Kernels>(kernels: K) throws(ConfigurationError) -> VisionLanguageModel<K> {
    let model = try VisionLanguageModel(configuration, kernels: kernels)
    for (entry, tensor) in zip(model.table.entries, tensors) {
      let parameters = model.buffer.matrix(at: entry.range.lowerBound, rows: 1, columns: entry.range.count)
      for (index, value) in tensor.values(as: K.Scalar.self).enumerated() { parameters[0, index] = value }
    }
    return model
  }
}
