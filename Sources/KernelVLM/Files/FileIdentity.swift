import Foundation

/// Which file a path means, however it is spelled: by device and inode, through links; for one that is not there yet, that
/// of its folder with its name.
public struct FileIdentity: Hashable, Sendable {
  private let device: dev_t
  private let inode: ino_t
  private let name: String?

  /// Nil where there is no folder for it either.
  public init?(_ path: String) {
    var status = stat()
    if stat(path, &status) == 0 {
      name = nil
    } else {
      let slash = path.lastIndex(of: "/")
      guard stat(slash.map { String(path[...$0]) } ?? ".", &status) == 0 else { return nil }
      name = slash.map { String(path[path.index(after: $0)...]) } ?? path
    }
    (device, inode) = (status.st_dev, status.st_ino)
  }

  /// That of an open file; nil if it is no regular one.
  public init?(ofRegularFile descriptor: Int32) {
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    (device, inode, name) = (status.st_dev, status.st_ino, nil)
  }
}
