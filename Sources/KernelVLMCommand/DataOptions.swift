import ArgumentParser
import KernelVLM
import Synchronization

/// Where images come from.
struct DataOptions: ParsableArguments {
  static let valueName = "folder|drawn|pairs|shapes"

  @Option(
    help: ArgumentHelp(
      "A folder with MNIST's files (raw or gzip), 'drawn' for digits drawn from a seed, 'pairs' for two digits side by "
        + "side, 'shapes' for drawn shapes (default: what KERNELVLM_DATA names, else the user's cache folder, else a "
        + "download into it).", valueName: valueName))
  var data: String?

  /// Where to read from, as `source(_:_:saved:)`.
  func source(_ splits: [Split] = Split.allCases, saved: Dataset.Name? = nil) throws -> DataSource {
    try Self.source(data, splits, saved: saved)
  }

  /// Where to read from. MNIST is downloaded if it is nowhere; if that fails, digits are drawn instead, and a line says so.
  /// - Parameters:
  ///   - data: the option's value.
  ///   - splits: what will be read.
  ///   - saved: the name of the images that a training goes on with, for which no others will do; pairs of which digits, that
  ///     is told by their hash.
  static func source(
    _ data: String?, _ splits: [Split] = Split.allCases, saved: Dataset.Name? = nil
  ) throws -> DataSource {
    let isMade = saved == .drawn || saved == .pairs || saved == .shapes
    let data = data ?? (isMade ? saved?.rawValue : nil)
    let arePaired = DataSource.name(data) == Dataset.Name.pairs.rawValue
    let progress = DownloadProgress()
    defer { progress.clear() }
    do {
      return try DataSource.resolve(data, splits: splits, progress: progress.show)
    } catch {
      let isReplaceable = arePaired || data == nil && saved == nil
      guard isReplaceable, error.kind == .unavailable || error.kind == .unwritable else { throw error }
      progress.clear()
      Output.note("Going on with drawn digits, no MNIST here: \(error.problem)")
      let digits = DataSource.drawn(seed: DrawnDigits.defaultSeed)
      return arePaired ? .pairs(of: digits) : digits
    }
  }
}

extension LabelledImages {
  /// Says what looks wrong with images that nobody vouches for.
  func noteDoubts(_ dataset: Dataset.Name, names: [String]) {
    guard dataset == .custom else { return }
    for doubt in doubts(names: names) { Output.note("Note: \(doubt)") }
  }
}

extension DataSource {
  /// "in /home/…/mnist", "seed 42"; of pairs that of their digits.
  var place: String {
    switch self {
    case .folder(let folder): "in \(folder)"
    case .drawn(let seed), .shapes(let seed): "seed \(seed)"
    case .pairs(let digits): digits.place
    }
  }
}

/// Says which file is being downloaded, and on a terminal how far it is.
final class DownloadProgress: Sendable {
  private let state = Mutex((file: "", line: ProgressLine()))

  func show(_ progress: MNIST.Progress) {
    state.withLock { state in
      if progress.file != state.file {
        state.line.log("Downloading \(progress.file)")
        state = (progress.file, ProgressLine())
      }
      if let total = progress.total { state.line.show(progress.received, of: total, progress.file) }
    }
  }

  func clear() { state.withLock { $0.line.clear() } }
}
