import ArgumentParser
import KernelVLM
import Synchronization

/// Where images come from.
struct DataOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A folder with MNIST's files (raw or gzip), or 'drawn' for digits drawn from a seed (default: what KERNELVLM_DATA "
        + "names, else the user's cache folder, else a download into it).", valueName: "folder|drawn"))
  var data: String?

  /// Where to read from. MNIST is downloaded if it is nowhere; if that fails, digits are drawn instead, and a line says so.
  /// - Parameters:
  ///   - splits: what will be read.
  ///   - saved: the name of the images that a training goes on with, for which no others will do.
  func source(_ splits: [Split] = Split.allCases, saved: Dataset.Name? = nil) throws -> DataSource {
    if data == nil, saved == .drawn { return .drawn(seed: DrawnDigits.defaultSeed) }
    let progress = DownloadProgress()
    defer { progress.clear() }
    do {
      return try DataSource.resolve(data, splits: splits, progress: progress.show)
    } catch {
      guard data == nil, saved == nil, error.kind == .unavailable || error.kind == .unwritable else { throw error }
      progress.clear()
      Output.note("Going on with drawn digits, no MNIST here: \(error.problem)")
      return .drawn(seed: DrawnDigits.defaultSeed)
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
  /// "in /home/…/mnist", "seed 42"
  var place: String {
    switch self {
    case .folder(let folder): "in \(folder)"
    case .drawn(let seed): "seed \(seed)"
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
