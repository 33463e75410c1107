import ArgumentParser
import Foundation
import KernelVLM

struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data",
    abstract: "Fetch MNIST, or say which data would be used.",
    discussion: """
      Images come from a folder with files of MNIST's names, each raw or .gz:

      train-images-idx3-ubyte  train-labels-idx1-ubyte
      t10k-images-idx3-ubyte   t10k-labels-idx1-ubyte

      They may also stand in MNIST/raw or raw below it, as torchvision has them, have Kaggle's names \
      (train-images.idx3-ubyte), or stand in folders of their own names. Other images are written so from NumPy arrays \
      of bytes, x (images, rows, columns; 0 is background, 255 is ink) and y (labels, from 0):

      import struct
      open("train-images-idx3-ubyte", "wb").write(struct.pack(">4I", 0x803, *x.shape) + x.tobytes())
      open("train-labels-idx1-ubyte", "wb").write(struct.pack(">2I", 0x801, len(y)) + y.tobytes())
      """,
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
        "A folder with MNIST's files, or 'drawn' (default: wherever the other commands find MNIST).",
        valueName: "folder|drawn"))
    var data: String?

    @Flag(help: "Print the result as one JSON object.")
    var json = false

    func run() throws {
      guard let (source, splits) = try present() else { return }
      let report = try DataReport(source, splits)
      try json ? Output.json(report) : Output.result(report.text)
    }

    /// The source and which splits of it are there. Nil, after saying so, if MNIST would have to be downloaded.
    private func present() throws -> (DataSource, [Split])? {
      let name = DataSource.name(data)
      if name == "drawn" { return (.drawn(seed: DrawnDigits.defaultSeed), Split.allCases) }
      let splits = name.map(MNIST.splits(in:)) ?? Split.allCases
      switch try MNIST.locate(folder: name, splits: splits, environment: ProcessInfo.processInfo.environment) {
      case .complete(let folder):
        return (.folder(folder), splits)
      case .incomplete(let cache):
        let text = "MNIST would be downloaded to \(cache); '\(Invocation.command(["data", "fetch"]))' does so now"
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
    let height: Int
    let width: Int
    /// Images of each label, from 0 to the greatest in any split.
    var labels: [Int]
  }

  struct Hash: Encodable {
    let name: String
    let sha256: String
    /// Whether it is that of MNIST's file.
    let mnist: Bool
  }

  let dataset: String
  let source: String
  private(set) var splits: [Part] = []
  /// Of the raw files; of the pixels and labels where there are no files.
  private(set) var hashes: [Hash] = []

  /// Reads one split after the other, whatever its labels are, and says what looks wrong with it.
  init(_ source: DataSource, _ splits: [Split]) throws {
    var names: Set<Dataset.Name> = []
    for split in splits {
      let (name, images) = try source.load(split, names: 256)
      names.insert(name)
      var counts = [Int](repeating: 0, count: 256)
      for label in images.labels { counts[Int(label)] += 1 }
      let size = images.size
      self.splits.append(
        Part(
          split: split.rawValue, images: images.count, height: size.height, width: size.width, labels: counts))
      hashes += Self.hashes(images, split, of: source)
      images.noteDoubts(name, names: Vocabulary.digitNames)
    }
    dataset = (names.count == 1 ? names.first ?? .custom : .custom).rawValue
    self.source = source.place
    let greatest = self.splits.compactMap { $0.labels.lastIndex { $0 > 0 } }.max() ?? 0
    for index in self.splits.indices { self.splits[index].labels.removeLast(255 - greatest) }
  }

  private static func hashes(_ images: LabelledImages, _ split: Split, of source: DataSource) -> [Hash] {
    guard case .folder = source else {
      return [("pixels", images.images), ("labels", images.labels)].map { what, bytes in
        Hash(name: "\(split.rawValue) \(what)", sha256: sha256Hex(of: bytes), mnist: false)
      }
    }
    let files = MNIST.files(split)
    return zip([files.images, files.labels], [images.sha256OfImagesFile, images.sha256OfLabelsFile]).map {
      file, sha256 in
      Hash(name: file.name, sha256: sha256, mnist: sha256 == file.sha256)
    }
  }

  /// Ten digits by their names, and other labels by their numbers.
  private var rows: [(label: Int, name: String)] {
    let labels = splits.first?.labels.indices ?? 0..<0
    if labels.count <= Vocabulary.digitNames.count { return labels.map { ($0, Vocabulary.digitNames[$0]) } }
    return labels.filter { label in splits.contains { $0.labels[label] > 0 } }.map { ($0, "\($0)") }
  }

  var text: String {
    let head = "".padded(8) + splits.map { $0.split.aligned(9) }.joined()
    let counts = rows.map { label, name in
      name.padded(8) + splits.map { $0.labels[label].grouped.aligned(9) }.joined()
    }
    let totals = "images".padded(8) + splits.map { $0.images.grouped.aligned(9) }.joined()
    let width = (hashes.map(\.name.count).max() ?? 0) + 2
    let sums = hashes.map { $0.name.padded(width) + $0.sha256 + ($0.mnist ? " ✓" : "") }
    let sizes = Set(splits.map { ImageSize($0.height, $0.width) })
      .sorted { ($0.height, $0.width) < ($1.height, $1.width) }.map(\.description).joined(separator: " and ")
    return """
      Data: \(dataset), \(source), \(sizes) pixels

      \(([head] + counts + [totals]).joined(separator: "\n"))

      SHA-256\(hashes.contains(where: \.mnist) ? " (✓ MNIST's)" : ""):
      \(sums.joined(separator: "\n"))
      """
  }
}
