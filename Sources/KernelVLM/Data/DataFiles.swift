import Foundation

extension DataSource {
  /// The files that it is read from; none for what is drawn.
  public var files: [String] {
    switch self {
    case .drawn, .shapes: []
    case .pairs(let digits): digits.files
    case .folder(let folder):
      (MNIST.files.compactMap { $0.find(in: folder) } + [NamesFile.path(in: folder)])
        .filter(FileManager.default.fileExists(atPath:))
    }
  }
}
