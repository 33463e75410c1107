import ArgumentParser
import Foundation
import KernelVLM

struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data",
    abstract: "Fetch MNIST, or say which data would be used.",
    subcommands: [Fetch.self, Info.self])

  struct Fetch: ParsableCommand, NotingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Download MNIST's four files and verify them.",
      discussion: """
        kernelvlm data fetch
        kernelvlm data fetch --to mnist
        kernelvlm data fetch --mirror https://example.org/mnist/

        Files that are there already are verified, not downloaded again.
        """)

    @Option(
      help: ArgumentHelp("Where to (default: the user's cache folder, where every command looks).", valueName: "folder")
    )
    var to: String?

    @Option(
      help: ArgumentHelp(
        "Where from: a folder with the four files, gzip, by https; more of them are asked in turn (default: three "
          + "public ones).", valueName: "url"))
    var mirror: [String] = []

    @OptionGroup var noteOptions: NoteOptions

    func run() throws {
      let folder = to ?? MNIST.cacheFolder(environment: ProcessInfo.processInfo.environment)
      let progress = DownloadProgress()
      defer { progress.clear() }
      try MNIST.fetch(into: folder, mirrors: mirror.isEmpty ? MNIST.mirrors : mirror, progress: progress.show)
      progress.clear()
      try Output.result("MNIST is in \(folder), verified by SHA-256")
    }
  }

  struct Info: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Say which data would be used, where it is, and what is in it.",
      discussion: """
        kernelvlm data info
        kernelvlm data info --data drawn

        Nothing is downloaded.
        """)

    @Option(
      help: ArgumentHelp(
        "A folder with MNIST's four files, or 'drawn' (default: wherever the other commands find MNIST).",
        valueName: "folder|drawn"))
    var data: String?

    @Flag(help: "Print the result as one JSON object.")
    var json = false

    func run() throws {
      guard let source = try presentSource() else { return }
      let report = try DataReport(source)
      try json ? Output.json(report) : Output.result(report.text)
    }

    /// Nil, after saying so, if MNIST would have to be downloaded.
    private func presentSource() throws -> DataSource? {
      if data == "drawn" { return try DataSource.resolve(data) }
      switch try MNIST.locate(folder: data, environment: ProcessInfo.processInfo.environment) {
      case .complete(let folder):
        return .folder(folder)
      case .incomplete(let cache):
        let text = "MNIST would be downloaded to \(cache); 'kernelvlm data fetch' does so now"
        try json ? Output.json(["missing": cache]) : Output.result(text)
        return nil
      }
    }
  }
}

/// What is in a data set.
private struct DataReport: Encodable {
  struct Part: Encodable {
    let split: String
    let images: Int
    let side: Int
    /// Images of each label.
    let labels: [Int]
  }

  struct Hash: Encodable {
    let name: String
    let sha256: String
    /// Whether it is that of MNIST's file.
    let mnist: Bool
  }

  let dataset: String
  let source: String
  let splits: [Part]
  /// Of the raw files; of the pixels and labels where there are no files.
  let hashes: [Hash]

  init(_ source: DataSource) throws {
    let data = try source.load()
    dataset = data.name.rawValue
    self.source = source.place
    splits = [(Split.train, data.train), (.test, data.test)].map { split, images in
      Part(
        split: split.rawValue, images: images.count, side: images.side,
        labels: Vocabulary.digitNames.indices.map { label in images.labels.count { Int($0) == label } })
    }
    switch source {
    case .folder(let folder):
      hashes = try MNIST.files.map { file in
        let sha256 = try IDX(path: "\(folder)/\(file.name)", rank: file.rank).sha256
        return Hash(name: file.name, sha256: sha256, mnist: sha256 == file.sha256)
      }
    case .drawn:
      hashes = [("train", data.train), ("test", data.test)].flatMap { split, images in
        [
          Hash(name: "\(split) pixels", sha256: sha256Hex(of: images.images), mnist: false),
          Hash(name: "\(split) labels", sha256: sha256Hex(of: images.labels), mnist: false),
        ]
      }
    }
  }

  var text: String {
    let head = "".padded(8) + splits.map { $0.split.aligned(9) }.joined()
    let counts = Vocabulary.digitNames.enumerated().map { label, name in
      name.padded(8) + splits.map { $0.labels[label].grouped.aligned(9) }.joined()
    }
    let totals = "images".padded(8) + splits.map { $0.images.grouped.aligned(9) }.joined()
    let width = (hashes.map(\.name.count).max() ?? 0) + 2
    let sums = hashes.map { $0.name.padded(width) + $0.sha256 + ($0.mnist ? " ✓" : "") }
    return """
      Data: \(dataset), \(source), \(splits[0].side) x \(splits[0].side) pixels

      \(([head] + counts + [totals]).joined(separator: "\n"))

      SHA-256\(hashes.contains(where: \.mnist) ? " (✓ MNIST's)" : ""):
      \(sums.joined(separator: "\n"))
      """
  }
}
