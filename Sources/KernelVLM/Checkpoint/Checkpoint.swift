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
    tensors = try Self.tensors(of: file, configuration, path: path)
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

  /// The tensors of `file` in the order of the model's table, if they are exactly those that it lists.
  private static func tensors(
    of file: Safetensors, _ configuration: ModelConfiguration, path: String
  ) throws(FileError) -> [Safetensors.Tensor] {
    func refuse(_ problem: String) -> FileError { FileError(.malformed, path: path, problem) }
    let vocabulary: Vocabulary
    do { vocabulary = try Vocabulary(names: configuration.names) } catch { throw refuse("\(error)") }
    let table = ParameterTable(configuration, vocabularySize: vocabulary.size)
    var tensors: [Safetensors.Tensor] = []
    for entry in table.entries {
      let expected = [entry.rows, entry.columns]
      guard let tensor = file[entry.name] else {
        throw refuse("tensor \(entry.name): expected shape \(expected), found no such tensor")
      }
      guard tensor.shape == expected else {
        throw refuse("tensor \(entry.name): expected shape \(expected), found \(tensor.shape)")
      }
      tensors.append(tensor)
    }
    let known = Set(table.entries.map(\.name))
    if let stranger = file.tensors.first(where: { !known.contains($0.name) }) {
      throw refuse("tensor \(stranger.name): expected none of this name, found shape \(stranger.shape)")
    }
    return tensors
  }
}
