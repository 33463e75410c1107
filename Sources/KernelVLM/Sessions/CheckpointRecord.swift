/// What a checkpoint says of how its model came to be, each part if it says so, and all of it checked.
public struct CheckpointRecord: Sendable {
  /// Images of a data set, and how many of their names a model spelled.
  public struct Score: Equatable, Sendable {
    /// Names that were spelled right.
    public let correct: Int
    /// Images.
    public let count: Int
    /// correct / count.
    public var accuracy: Double { Double(correct) / Double(count) }
  }

  /// Recipe, steps done, kernels and images; nil if the file does not say.
  public let training: SavedTraining?
  /// Whether a training can go on from here.
  public let isResumable: Bool
  /// Of the test images, when the training ended.
  public let score: Score?
  /// Of the parameters that are in the file.
  public let weightsSHA256: String
  /// Whether the file has recorded that hash too; if it has recorded another one, it is refused.
  public let isVerified: Bool

  /// - Throws: `FileError` for a record that is not of its form, or is of other weights.
  public init(_ checkpoint: Checkpoint, path: String) throws(FileError) {
    let record = checkpoint.provenance
    weightsSHA256 = checkpoint.weightsSHA256
    if let expected = record["weights_sha256"], expected != weightsSHA256 {
      throw FileError(
        .malformed, path: path, "expected parameters of SHA-256 \(quoted(expected)), found \(weightsSHA256)")
    }
    isVerified = record["weights_sha256"] != nil
    let isTraining = record["total_steps"] != nil || !checkpoint.moments.isEmpty
    training = isTraining ? try SavedTraining(checkpoint, path: path, needsMoments: false) : nil
    isResumable = training.map { !$0.isFinished && !checkpoint.moments.isEmpty } ?? false
    var settings = SettingsReader(record, path: path)
    guard record["test_images"] != nil || record["test_correct"] != nil else {
      score = nil
      return
    }
    let count = try settings.integer("test_images", in: 1...Int.max)
    score = Score(correct: try settings.integer("test_correct", in: 0...count), count: count)
  }
}

extension Evaluation {
  /// As the metadata of a checkpoint, where `CheckpointRecord` reads it; nothing without images.
  public var provenance: [String: String] {
    count > 0 ? ["test_correct": "\(correct)", "test_images": "\(count)"] : [:]
  }
}
