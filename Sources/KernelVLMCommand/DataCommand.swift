import ArgumentParser
import Foundation
import KernelVLM

struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data",
    abstract: "Fetch MNIST, say which data would be used, write what is made here, or make a data set of pictures.",
    discussion: """
      Images come from a folder with files of MNIST's names, each raw or .gz:

      train-images-idx3-ubyte  train-labels-idx1-ubyte
      t10k-images-idx3-ubyte   t10k-labels-idx1-ubyte

      They may also stand in MNIST/raw or raw below it, as torchvision has them, have Kaggle's names \
      (train-images.idx3-ubyte), or stand in folders of their own names. Other images are written so from NumPy arrays \
      of bytes, x (images, rows, columns; 0 is background, 255 is ink) and y (labels, from 0), of at most 1024 rows and \
      columns:

      import struct
      open("train-images-idx3-ubyte", "wb").write(struct.pack(">4I", 0x803, *x.shape) + x.tobytes())
      open("train-labels-idx1-ubyte", "wb").write(struct.pack(">2I", 0x801, len(y)) + y.tobytes())

      Beside them may be names.txt: a name on each line, in the order of the labels.
      """,
    subcommands: [Fetch.self, Info.self, Write.self, Normalise.self])

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
        kernelvlm data info --data pairs

        Nothing is downloaded.
        """)

    @Option(
      help: ArgumentHelp(
        "A folder with MNIST's files, 'drawn', 'pairs' or 'shapes' (default: wherever the other commands find MNIST).",
        valueName: DataOptions.valueName))
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
      let request = try DataSource.Request(data)
      guard case .digits(let folder, _) = request else { return (request.source(in: ""), Split.allCases) }
      let splits = folder.map(MNIST.splits(in:)) ?? Split.allCases
      switch try MNIST.locate(folder: folder, splits: splits, environment: ProcessInfo.processInfo.environment) {
      case .complete(let folder):
        return (request.source(in: folder), splits)
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
    /// Images of each label, from 0 to the last that has a name or is in any split.
    var labels: [Int]
  }

  struct Hash: Encodable {
    let name: String
    let sha256: String
    /// Whether it is that of MNIST's file.
    let mnist: Bool
  }

  let dataset: String
  /// What pairs are made of.
  let base: String?
  let source: String
  /// Those that the images bring; for others the digits' are only shown.
  let names: [String]?
  private(set) var splits: [Part] = []
  /// Of the raw files; of the pixels and labels where there are no files.
  private(set) var hashes: [Hash] = []

  /// Reads one split after the other, whatever its labels are, and says what looks wrong with it.
  init(_ source: DataSource, _ splits: [Split]) throws {
    names = try source.names()
    var parts: [(name: Dataset.Name, base: Dataset.Name?)] = []
    for split in splits {
      let part = try source.load(split, names: 256)
      let images = part.images
      parts.append((part.name, part.base))
      var counts = [Int](repeating: 0, count: 256)
      for label in images.labels { counts[Int(label)] += 1 }
      let size = images.size
      self.splits.append(
        Part(
          split: split.rawValue, images: images.count, height: size.height, width: size.width, labels: counts))
      hashes += Self.hashes(images, split, of: source)
      images.noteDoubts(part.name, names: names ?? Vocabulary.digitNames)
    }
    let bases = parts.compactMap(\.base)
    dataset = Self.common(parts.map(\.name)).rawValue
    base = bases.isEmpty ? nil : Self.common(bases).rawValue
    self.source = source.place
    let last = (names?.count ?? 1) - 1
    let greatest = self.splits.compactMap { $0.labels.lastIndex { $0 > 0 } }.reduce(last, max)
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

  /// What all are, or `custom`.
  private static func common(_ names: [Dataset.Name]) -> Dataset.Name {
    guard let first = names.first, names.allSatisfy({ $0 == first }) else { return .custom }
    return first
  }

  /// Labels by the names that the images bring, or that ten digits have; others, as far as there are images, by their
  /// numbers.
  private var rows: [(label: Int, name: String)] {
    let labels = splits.first?.labels.indices ?? 0..<0
    let names = names ?? (labels.count <= Vocabulary.digitNames.count ? Vocabulary.digitNames : [])
    return labels.filter { label in label < names.count || splits.contains { $0.labels[label] > 0 } }
      .map { ($0, $0 < names.count ? names[$0] : "\($0)") }
  }

  var text: String {
    let rows = rows
    let nameWidth = max(8, (rows.map(\.name.columns).max() ?? 0) + 1)
    let head = "".padded(nameWidth) + splits.map { $0.split.aligned(9) }.joined()
    let counts = rows.map { label, name in
      name.padded(nameWidth) + splits.map { $0.labels[label].grouped.aligned(9) }.joined()
    }
    let totals = "images".padded(nameWidth) + splits.map { $0.images.grouped.aligned(9) }.joined()
    let width = (hashes.map(\.name.count).max() ?? 0) + 2
    let sums = hashes.map { $0.name.padded(width) + $0.sha256 + ($0.mnist ? " ✓" : "") }
    let sizes = Set(splits.map { ImageSize($0.height, $0.width) })
      .sorted { ($0.height, $0.width) < ($1.height, $1.width) }.map(\.description).joined(separator: " and ")
    return """
      Data: \(dataset)\(base.map { " of \($0)" } ?? ""), \(source), \(sizes) pixels

      \(([head] + counts + [totals]).joined(separator: "\n"))

      SHA-256\(hashes.contains(where: \.mnist) ? " (✓ MNIST's)" : ""):
      \(sums.joined(separator: "\n"))
      """
  }
}
