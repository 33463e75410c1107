import ReferenceKernels

/// A model whose kernels were chosen at run time.
public protocol SpellingModel: Sendable {
  var configuration: ModelConfiguration { get }
  var vocabulary: Vocabulary { get }
  var table: ParameterTable { get }
  /// Spells the images `range`, the same for any number of threads.
  /// - Throws: `ConfigurationError` if the images are smaller than the model's.
  func spell(_ images: LabelledImages, _ range: Range<Int>, threads: Int) throws(ConfigurationError) -> [Spelling]
  /// The parameters as the tensors of a checkpoint, in the model's own precision.
  func tensors() -> [Safetensors.Tensor]
}

extension SpellingModel {
  /// SHA-256 of all parameters, little-endian, in the order of the table.
  public var weightsSHA256: String { tensors().sha256 }
}

extension VisionLanguageModel: SpellingModel {
  /// Images that go through the model together.
  private static var imagesPerPass: Int { 32 }

  @specialized(where K == CKernels)
  @specialized(where K == Reference<Float>)
  @specialized(where K == Reference<Double>)
  public func spell(
    _ images: LabelledImages, _ range: Range<Int>, threads: Int
  ) throws(ConfigurationError) -> [Spelling] {
    let pooling = try Pooling(side: images.side, size: configuration.imageSize)
    let passes = stride(from: range.lowerBound, to: range.upperBound, by: Self.imagesPerPass).map {
      $0..<min($0 + Self.imagesPerPass, range.upperBound)
    }
    let threads = max(1, min(threads, passes.count))
    let workspaces = (0..<threads).map { _ in Workspace<Scalar>() }
    var spellings = [[Spelling]](repeating: [], count: passes.count)
    spellings.withUnsafeMutableBufferPointer { spellings in
      kernels.parallel(count: passes.count, threads: threads) { index, thread in
        let workspace = workspaces[thread]
        workspace.reset()
        let x = workspace.arena.matrix(passes[index].count, configuration.pixels)
        for (row, image) in passes[index].enumerated() { pooling(kernels, images, image, into: x.rows(row..<row + 1)) }
        spellings[index] = spell(x, workspace)
      }
    }
    return spellings.flatMap { $0 }
  }

  public func tensors() -> [Safetensors.Tensor] { table.tensors(of: buffer) }
}
