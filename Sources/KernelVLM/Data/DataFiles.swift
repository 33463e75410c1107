import Foundation

extension DataSource {
  /// The files that it is read from; none for drawn digits.
  public var files: [String] {
    guard case .folder(let folder) = self else { return [] }
    return MNIST.files.compactMap { $0.find(in: folder) }
  }
}
