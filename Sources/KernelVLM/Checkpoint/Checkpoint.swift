import ReferenceKernels

/// A trained model in a file: its configuration, its parameters, and where they come from.
///
/// The file is safetensors. Its tensors have the names of `ParameterTable`; its metadata holds the configuration, one
/// string for each setting, and the provenance. That of a training that can go on has Adam's moments too, as tensors
/// `adam.m.` and `adam.v.` + name: see `SavedTraining`.
public struct Checkpoint: Sendable, Equatable {
  /// That of the model.
  public let configuration: ModelConfiguration
  /// What else the metadata says: data, steps, seed, …
  public let provenance: [String: String]
  /// The parameters, in the order of the model's table.
  public let tensors: [Safetensors.Tensor]
  /// Adam's m in the order of the model's table, and then its v; empty if the file holds the model alone.
  public let moments: [Safetensors.Tensor]
  /// The names' letters and their numbers.
  public let vocabulary: Vocabulary

  static let momentPrefix = "adam."
  static let momentPrefixes = ["adam.m.", "adam.v."]

  /// - Throws: `FileError` if the file is missing, is not safetensors, or does not hold a model's configuration and
  ///   exactly its tensors, or those and all moments.
  public init(path: String) throws(FileError) {
    try self.init(Safetensors.load(path), path: path)
  }

  /// What a file holds that was read; `path` is for errors, which are the same.
  public init(_ file: Safetensors, path: String) throws(FileError) {
    var settings = SettingsReader(file.metadata, path: path)
    configuration = try settings.configuration()
    do { vocabulary = try Vocabulary(names: configuration.names) } catch {
      throw FileError(.malformed, path: path, error.description)
    }
    let table: ParameterTable
    do { table = try ParameterTable(configuration, vocabularySize: vocabulary.size) } catch {
      throw FileError(.malformed, path: path, error.description)
    }
    try settings.tokens(of: vocabulary)
    provenance = settings.remaining
    let hasMoments = file.tensors.contains { $0.name.hasPrefix(Self.momentPrefix) }
    let shapes = table.shapes() + (hasMoments ? Self.momentPrefixes.flatMap(table.shapes) : [])
    let found = try file.tensors(matching: shapes, path: path)
    tensors = Array(found.prefix(table.entries.count))
    moments = Array(found.dropFirst(table.entries.count))
  }

  /// Replaces the file at `path`, whole or not at all.
  /// - Throws: `FileError` if it cannot be written, or if a parameter is not finite.
  public func save(_ path: String) throws(FileError) {
    var metadata = provenance.merging(configuration.metadata) { _, setting in setting }
    metadata[Vocabulary.setting] = vocabulary.setting
    try Safetensors(metadata: metadata, tensors: tensors + moments).save(path)
  }

  /// The model, in the precision of `kernels`.
  func model<K: Kernels>(
    kernels: K, parallel: Parallel = .serial
  ) throws(ConfigurationError) -> VisionLanguageModel<K> {
    let model = try VisionLanguageModel(configuration, kernels: kernels, parallel: parallel)
    model.table.write(tensors, to: model.buffer)
    return model
  }
}
