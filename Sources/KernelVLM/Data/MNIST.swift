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

    func path(in folder: String) -> String { folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)" }
  }

  /// The two files of a split.
  public static func files(_ split: Split) -> (images: File, labels: File) {
    switch split {
    case .train:
      (
        File(
          name: "train-images-idx3-ubyte",
          sha256: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", rank: 3),
        File(
          name: "train-labels-idx1-ubyte",
          sha256: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", rank: 1)
      )
    case .test:
      (
        File(
          name: "t10k-images-idx3-ubyte",
          sha256: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", rank: 3),
        File(
          name: "t10k-labels-idx1-ubyte",
          sha256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", rank: 1)
      )
    }
  }

  /// All four, images before labels, train before test.
  public static var files: [File] { Split.allCases.flatMap { [files($0).images, files($0).labels] } }
}

extension MNIST {
  /// The first of the four files that `folder` lacks, raw and gzip; nil if it has them all.
  public static func missingFile(in folder: String) -> String? {
    files.map { $0.path(in: folder) }.first { IDX.existingFile($0) == nil }
  }
}
