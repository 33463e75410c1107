/// A file that cannot be used: which file, what was expected of it, and what was found.
///
/// Readers and writers throw this and nothing else, so that the command can print one line and choose the exit status.
public struct FileError: Error, Equatable, CustomStringConvertible {
  /// What kind of trouble; the command maps it to an exit status of `sysexits.h`.
  public enum Kind: Sendable {
    /// There is no such file or folder, or it may not be read (`EX_NOINPUT`, 66).
    case missing
    /// Its content is not what its format, or the model, asks for (`EX_DATAERR`, 65).
    case malformed
    /// It could not be written (`EX_CANTCREAT`, 73).
    case unwritable
    /// It could not be fetched (`EX_UNAVAILABLE`, 69).
    case unavailable
    /// There is not the memory to read it (`EX_OSERR`, 71).
    case memory
  }

  /// What kind of trouble.
  public let kind: Kind
  /// The file as the user named it.
  public let path: String
  /// What was expected and what was found, as one sentence part: "expected magic 0x00000803, found 0x00000801".
  public let problem: String

  /// The kind, the file as the user named it, and what was expected and found.
  public init(_ kind: Kind, path: String, _ problem: String) {
    self.kind = kind
    self.path = path
    self.problem = problem
  }

  /// An empty path is shown as `""`.
  public var description: String { (path.isEmpty ? "\"\"" : path) + ": " + problem }
}
