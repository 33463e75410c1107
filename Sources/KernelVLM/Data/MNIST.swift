import Foundation

/// MNIST's four files: their names and what they contain.
public enum MNIST {
  /// One of the four files.
  public struct File: Sendable, Equatable {
    /// The name without ".gz".
    public let name: String
    /// SHA-256 of the raw content; gzip bytes differ between copies, the content does not.
    public let sha256: String
    /// 3 for images, 1 for labels.
    public let rank: Int
    /// Length of the raw content.
    public let byteCount: Int

    /// More bytes than this are not taken from a mirror: what gzip makes of content that it cannot compress, and a name.
    var greatestDownload: Int { byteCount + byteCount / 1000 + 1024 }

    func path(in folder: String) -> String { folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)" }

    /// Where the file may be, in the order in which it is looked for: in `folder` or where torchvision puts it below that,
    /// raw or gzip, also by Kaggle's name, which has a dot, and in Kaggle's folders of these names.
    func candidates(in folder: String) -> [String] {
      let names = [name, name.replacing("-idx", with: ".idx")]
      let files = names.flatMap { [$0, $0 + ".gz"] }
      let paths = files + names.flatMap { folder in files.map { "\(folder)/\($0)" } }
      let root = folder.hasSuffix("/") ? folder : folder + "/"
      return ["", "MNIST/raw/", "raw/"].flatMap { place in paths.map { root + place + $0 } }
    }

    /// The file that is there, or else where it would be.
    func place(in folder: String) -> String { find(in: folder) ?? path(in: folder) }

    /// The first candidate that is there and is no folder.
    func find(in folder: String) -> String? {
      candidates(in: folder).first { path in
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder.boolValue
      }
    }
  }

  /// The two files of a split.
  public static func files(_ split: Split) -> (images: File, labels: File) {
    switch split {
    case .train:
      (
        File(
          name: "train-images-idx3-ubyte",
          sha256: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", rank: 3, byteCount: 47_040_016),
        File(
          name: "train-labels-idx1-ubyte",
          sha256: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", rank: 1, byteCount: 60_008)
      )
    case .test:
      (
        File(
          name: "t10k-images-idx3-ubyte",
          sha256: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", rank: 3, byteCount: 7_840_016),
        File(
          name: "t10k-labels-idx1-ubyte",
          sha256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", rank: 1, byteCount: 10_008)
      )
    }
  }

  /// All four, images before labels, train before test.
  public static var files: [File] { files(Split.allCases) }

  static func files(_ splits: [Split]) -> [File] { splits.flatMap { [files($0).images, files($0).labels] } }
}

extension MNIST {
  /// Where the four files are, or are to be put.
  public enum Location: Sendable, Equatable {
    /// A folder that has all that are needed.
    case complete(String)
    /// The cache folder, which lacks some.
    case incomplete(cache: String)
  }

  /// `folder`, or if that is nil the user's cache folder.
  /// - Throws: `FileError`, `missing`, for a `folder` that lacks a file of `splits`: what a user names is never replaced
  ///   by something else.
  public static func locate(
    folder: String?, splits: [Split] = Split.allCases, environment: [String: String]
  ) throws(FileError) -> Location {
    if let folder {
      guard !folder.isEmpty else {
        throw FileError(
          .missing, path: "", "expected a folder with MNIST's files, 'drawn', 'pairs' or 'shapes', found an empty name")
      }
      guard missing(splits, in: folder).isEmpty else { throw lacking(splits, in: folder) }
      return .complete(folder)
    }
    let cache = cacheFolder(environment: environment)
    return missing(splits, in: cache).isEmpty ? .complete(cache) : .incomplete(cache: cache)
  }

  /// `$XDG_CACHE_HOME/kernelvlm/mnist`, or `~/.cache/kernelvlm/mnist` where that is not set to an absolute path
  /// (https://specifications.freedesktop.org/basedir-spec/).
  public static func cacheFolder(environment: [String: String]) -> String {
    let home = environment["HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? NSHomeDirectory()
    let caches = environment["XDG_CACHE_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "\(home)/.cache"
    return "\(caches)/kernelvlm/mnist"
  }

  /// The files of `splits` that `folder` lacks.
  public static func missing(_ splits: [Split] = Split.allCases, in folder: String) -> [File] {
    files(splits).filter { $0.find(in: folder) == nil }
  }

  /// The splits of which `folder` has a file; both if it has none, since then both are what it lacks.
  public static func splits(in folder: String) -> [Split] {
    let present = Split.allCases.filter { missing([$0], in: folder).count < 2 }
    return present.isEmpty ? Split.allCases : present
  }

  /// The error for a folder that lacks files of `splits`: which ones, and what it has instead.
  static func lacking(_ splits: [Split], in folder: String) -> FileError {
    let names = missing(splits, in: folder).map(\.name).joined(separator: ", ")
    return FileError(
      .missing, path: folder,
      "expected \(names), each raw or .gz, here or in MNIST/raw or raw, found \(describeFolder(folder))")
  }
}

extension MNIST {
  /// Folders with the four files, gzip, in the order in which they are asked.
  public static let mirrors = [
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://raw.githubusercontent.com/fgnt/mnist/master/",
  ]

  /// How far the download of one file is.
  public struct Progress: Sendable, Equatable {
    /// The file's name with ".gz".
    public let file: String
    /// Bytes so far.
    public let received: Int
    /// Bytes in all, where the server says so.
    public let total: Int?
  }

  /// Downloads those of `files` that `folder` lacks, and verifies them all by their raw content's SHA-256.
  ///
  /// A file appears under its name only whole and verified, so two fetches at once do no harm. Mirrors that cannot be
  /// reached are passed over, until they have cost `patience` together: then there is no network.
  /// - Throws: `FileError`: `unavailable` where no mirror gives a right file, with each one's reason; `unwritable`;
  ///   `malformed` for a file in `folder` that is not MNIST's, which is left as it is.
  public static func fetch(
    _ files: [File] = Self.files, into folder: String, mirrors: [String] = Self.mirrors,
    transport: Transport = httpsTransport, patience: Duration = .seconds(15),
    progress: @escaping @Sendable (Progress) -> Void = { _ in }
  ) throws(FileError) {
    let isPresent = files.allSatisfy { $0.find(in: folder) != nil }
    if !isPresent { try requireFolder(folder) }
    for file in files {
      let path = file.path(in: folder)
      if let present = file.find(in: folder) {
        try file.verify(IDX(path: present, rank: file.rank), path: present)
      } else {
        let content = try download(file, to: path + ".gz", mirrors, transport, patience, progress)
        try make(folder)
        try writeAtomically(content, to: path + ".gz")
      }
    }
  }

  private static func download(
    _ file: File, to path: String, _ mirrors: [String], _ transport: Transport, _ patience: Duration,
    _ progress: @escaping @Sendable (Progress) -> Void
  ) throws(FileError) -> [UInt8] {
    let name = file.name + ".gz"
    var reasons: [String] = []
    var waited = Duration.zero
    for mirror in mirrors where waited == .zero || waited < patience {
      guard let url = URL(string: mirror)?.appendingPathComponent(name) else {
        reasons.append("\(mirror): no URL")
        continue
      }
      let start = ContinuousClock.now
      do {
        let content = try transport(url, file.greatestDownload) {
          progress(Progress(file: name, received: $0, total: $1))
        }
        try file.verify(IDX(content: content, rank: file.rank, path: url.absoluteString), path: url.absoluteString)
        return content
      } catch let error as TransportError {
        if error.isUnreachable { waited += start.duration(to: .now) }
        reasons.append("\(url.host ?? mirror)\(url.port.map { ":\($0)" } ?? ""): \(error.reason)")
      } catch let error as FileError where error.kind == .memory {
        throw error
      } catch {
        reasons.append("\(error)")
      }
    }
    throw FileError(.unavailable, path: path, "expected a download, found: \(reasons.joined(separator: "; "))")
  }

  static func make(_ folder: String) throws(FileError) {
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    } catch {
      throw unwritable(folder, error.localizedDescription)
    }
  }

  /// Demands that `folder`, or the first above it that there is, can be written to, by making a folder in it and
  /// removing that: before a download, which would be for nothing, and without leaving anything behind if it fails.
  private static func requireFolder(_ folder: String) throws(FileError) {
    guard !folder.isEmpty else { throw unwritable("", "an empty name") }
    var existing = folder
    var status = stat()
    while stat(existing, &status) != 0 {
      let reason = errno
      let isThere = lstat(existing, &status) == 0
      guard reason == ENOENT, !isThere else {
        throw unwritable(folder, isThere ? "a link to nothing, \(existing)" : String(cString: strerror(reason)))
      }
      let above = (existing as NSString).deletingLastPathComponent
      existing = above.isEmpty ? "." : above
    }
    var probe = Array("\(existing)/.kernelvlm-XXXXXX".utf8CString)
    guard mkdtemp(&probe) != nil else { throw unwritable(folder, String(cString: strerror(errno))) }
    rmdir(probe)
  }

  private static func unwritable(_ folder: String, _ found: String) -> FileError {
    FileError(.unwritable, path: folder, "expected a folder to write to, found: \(found)")
  }
}

extension MNIST.File {
  fileprivate func verify(_ idx: IDX, path: String) throws(FileError) {
    let found = idx.sha256
    guard found == sha256 else {
      throw FileError(.malformed, path: path, "expected MNIST, content of SHA-256 \(sha256), found \(found)")
    }
  }
}
