import Foundation

/// Replaces the file at `path` by `bytes`: after a crash at any moment it is the whole old file or the whole new one.
///
/// A temporary file beside it is written and flushed, renamed over it, and the folder is flushed. A symbolic link is
/// followed, so that the file it points to is replaced and the link stays. Anything else that is no regular file, such as
/// a device or a folder, is refused. The new file's mode is 0644 less the process's mask, whatever the old one's was.
/// On an error the temporary is removed and the old file stands; only if flushing the folder is what failed, the new
/// one is already in place. A process killed while writing leaves a file `.kernelvlm-….tmp` behind, which the next save
/// into this folder removes; it is told from one that is being written by its lock. A process that limits the size of
/// files must ignore `SIGXFSZ` to see an error instead of being killed by it.
///
/// - Throws: `FileError.unwritable` with the system's reason.
public func writeAtomically(_ bytes: [UInt8], to path: String) throws(FileError) {
  try writeAtomically([bytes], to: path)
}

/// The same for `pieces`, one behind the other.
func writeAtomically(_ pieces: [[UInt8]], to path: String) throws(FileError) {
  try withTemporary(for: path) { (temporary, place) throws(FileError) in
    try fill(temporary.file, with: pieces, path)
    guard renameat(place.folder, temporary.name, place.folder, place.name) == 0 else { throw unwritable(path) }
    // Some file systems cannot flush a folder and say so with EINVAL; their renames are as durable as they get.
    guard retrying({ fsync(place.folder) }) == 0 || errno == EINVAL else { throw unwritable(path) }
  }
}

/// Refuses a `path` to which `writeAtomically` could not write, by doing what that does but for the writing: a temporary is
/// made in the folder, and removed. What stands there stays as it is.
///
/// - Throws: `FileError.unwritable` with the system's reason.
public func requireWritable(_ path: String) throws(FileError) {
  try withTemporary(for: path) { (temporary, place) throws(FileError) in
    try place.requireReplaceable(path)
    guard unlinkat(place.folder, temporary.name, 0) == 0 else { throw unwritable(path) }
  }
}

/// Where a file is to be: links are followed.
private struct Place {
  let target: String
  let name: String
  /// The open folder.
  let folder: Int32

  /// Refuses a file that is there and that no rename replaces: another user's in a sticky folder, one whose attributes
  /// forbid it, or one that something is mounted on.
  func requireReplaceable(_ path: String) throws(FileError) {
    // To be removed as if it were a folder: the system tries whether it might, and then leaves what is none.
    if unlinkat(folder, name, AT_REMOVEDIR) != 0, errno != ENOTDIR, errno != ENOENT { throw unwritable(path) }
    guard let mounts = FileManager.default.contents(atPath: "/proc/self/mountinfo") else { return }
    let escaped = [("\\", "134"), (" ", "040"), ("\t", "011"), ("\n", "012")]
      .reduce(target) { $0.replacing($1.0, with: "\\" + $1.1) }
    let points = String(decoding: mounts, as: UTF8.self).split(separator: "\n").map { $0.split(separator: " ") }
    if points.contains(where: { $0.count > 4 && $0[4] == escaped }) { throw unwritable(path, systemReason(EBUSY)) }
  }
}

/// Runs `body` with a new file, and with the place that it may be renamed to in the same folder. It is removed if that
/// fails.
private func withTemporary(
  for path: String, _ body: (_ temporary: (name: String, file: Int32), _ place: Place) throws(FileError) -> Void
) throws(FileError) {
  let target = try resolvedTarget(path)
  let slash = target.lastIndex(of: "/")
  let name = slash.map { String(target[target.index(after: $0)...]) } ?? target
  guard !name.isEmpty else { throw unwritable(path, noName) }
  let folderPath = slash.map { String(target[...$0]) } ?? "."
  let folder = retrying { open(folderPath, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
  guard folder >= 0 else { throw unwritable(path, errno == ENOENT ? missingFolder(of: path) : nil) }
  defer { close(folder) }

  removeLeftovers(in: folder, folderPath)
  let temporary = try lockedTemporary(in: folder, path)
  defer { close(temporary.file) }
  do throws(FileError) {
    try body(temporary, Place(target: target, name: name, folder: folder))
  } catch {
    unlinkat(folder, temporary.name, 0)
    throw error
  }
}

/// The content of the regular file at `path`, or its first `prefix` bytes, read into memory once.
///
/// - Throws: `FileError.missing` if it is not there, is no regular file or cannot be read; `FileError.malformed` if it
///   has more than `sizeLimit` bytes or shrinks while it is read; `FileError.memory`.
func readFile(at path: String, sizeLimit: Int, prefix: Int = .max) throws(FileError) -> [UInt8] {
  guard !path.utf8.contains(0) else { throw unreadable(path, noNUL) }
  // Without O_NONBLOCK, opening a named pipe would wait for a writer.
  let file = retrying { open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC) }
  guard file >= 0 else { throw unreadable(path) }
  defer { close(file) }
  var status = stat()
  guard fstat(file, &status) == 0 else { throw unreadable(path) }
  guard status.st_mode & S_IFMT == S_IFREG else {
    throw unreadable(path, "expected a regular file, found \(kind(of: status))")
  }
  guard status.st_size <= sizeLimit else {
    throw FileError(.malformed, path: path, "expected at most \(sizeLimit) bytes, found \(status.st_size)")
  }
  let size = min(Int(status.st_size), prefix)
  try requireMemory(size, for: path)
  var failure: FileError?
  let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
    while count < size {
      let got = retrying { read(file, buffer.baseAddress.map { $0 + count }, size - count) }
      if got < 0 { failure = unreadable(path) }
      if got <= 0 { break }
      count += got
    }
  }
  if let failure { throw failure }
  guard bytes.count == size else {
    throw FileError(.malformed, path: path, "expected \(size) bytes, found \(bytes.count): it shrank meanwhile")
  }
  return bytes
}

/// `path`, or what it points to if it is a symbolic link. A link to nothing is an error.
private func resolvedTarget(_ path: String) throws(FileError) -> String {
  guard !path.utf8.contains(0) else { throw unwritable(path, noNUL) }
  var status = stat()
  guard lstat(path, &status) == 0 else {
    if errno == ENOENT { return path }
    throw unwritable(path)
  }
  guard let resolved = realpath(path, nil) else { throw unwritable(path, errno == ENOENT ? linkToNothing : nil) }
  defer { free(resolved) }
  guard stat(resolved, &status) == 0 else { throw unwritable(path) }
  guard status.st_mode & S_IFMT == S_IFREG else {
    throw unwritable(path, "expected a regular file, found \(kind(of: status))")
  }
  return String(cString: resolved)
}

private let temporaryPrefix = ".kernelvlm-"
private let temporarySuffix = ".tmp"
/// Another process that looks for leftovers takes a temporary once or twice; more than this is a fault of the system.
private let mostTries = 100

/// Removes the temporaries in `folder` that no living process has locked. What cannot be removed stays.
private func removeLeftovers(in folder: Int32, _ folderPath: String) {
  let names = (try? FileManager.default.contentsOfDirectory(atPath: folderPath)) ?? []
  for name in names where name.hasPrefix(temporaryPrefix) && name.hasSuffix(temporarySuffix) {
    let file = retrying { openat(folder, name, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC) }
    guard file >= 0 else { continue }
    if flock(file, LOCK_EX | LOCK_NB) == 0 { unlinkat(folder, name, 0) }
    close(file)
  }
}

/// A new file in `folder`, locked for as long as `file` is open and the process lives. Where the file system has no locks
/// it is used without: nobody else can lock it either, so leftovers stay there.
private func lockedTemporary(in folder: Int32, _ path: String) throws(FileError) -> (name: String, file: Int32) {
  for _ in 0..<mostTries {
    let name = temporaryPrefix + String(UInt64.random(in: .min ... .max), radix: 36) + temporarySuffix
    let file = retrying { openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644) }
    guard file >= 0 else { throw unwritable(path) }
    // Another process may take it for a leftover before it is locked.
    let isTaken = flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK
    var status = stat()
    let isRemoved = fstat(file, &status) == 0 && status.st_nlink == 0
    if !isTaken && !isRemoved { return (name, file) }
    unlinkat(folder, name, 0)
    close(file)
  }
  throw unwritable(path, "each of \(mostTries) temporary files was locked or removed by another process")
}

/// Writes all of `pieces` and flushes them to the disk, by a descriptor of its own, so that an error in closing it is seen
/// while `temporary` still holds the lock.
private func fill(_ temporary: Int32, with pieces: [[UInt8]], _ path: String) throws(FileError) {
  let file = fcntl(temporary, F_DUPFD_CLOEXEC, 0)
  guard file >= 0 else { throw unwritable(path) }
  var failure: FileError?
  if !pieces.allSatisfy({ writeAll($0, to: file) }) || retrying({ fsync(file) }) != 0 { failure = unwritable(path) }
  if close(file) != 0, errno != EINTR, failure == nil { failure = unwritable(path) }
  if let failure { throw failure }
}

/// Writes all of `bytes`, in as many pieces as it takes; false, with the reason in `errno`, if that cannot be done.
@_spi(Command) public func writeAll(_ bytes: [UInt8], to file: Int32) -> Bool {
  bytes.withUnsafeBytes { raw in
    var rest = raw[...]
    while !rest.isEmpty {
      let written = retrying { write(file, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count) }
      if written < 0, errno == EAGAIN {
        // Somebody else who has the stream made it one that does not wait.
        var wanted = pollfd(fd: file, events: Int16(POLLOUT), revents: 0)
        if retrying({ poll(&wanted, 1, -1) }) > 0 { continue }
      }
      guard written > 0 else { return false }
      rest = rest.dropFirst(written)
    }
    return true
  }
}

/// The call's result, after as many attempts as signals interrupted.
private func retrying<Result: SignedInteger>(_ call: () -> Result) -> Result {
  while true {
    let result = call()
    if result != -1 || errno != EINTR { return result }
  }
}

private let noName = "expected a file's name, found none"

/// The system's functions would silently take the part before it.
private let noNUL = "expected a path without NUL"

private func kind(of status: stat) -> String {
  switch status.st_mode & S_IFMT {
  case S_IFDIR: "a folder"
  case S_IFIFO: "a named pipe"
  default: "a device or a socket"
  }
}

/// A link that points to nothing: nobody knows what is meant to be there.
@_spi(Command) public let linkToNothing = "expected a file, found a symbolic link to nothing"

/// Why `path` cannot be written where the system finds no folder for it.
@_spi(Command) public func missingFolder(of path: String) -> String {
  guard !path.isEmpty else { return noName }
  let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
  let advice = path.hasPrefix("~") ? " (a shell leaves a quoted ~ as it is)" : ""
  return "expected a folder \(folder), found none\(advice)"
}

/// - Parameter reason: the system's, in `errno`, if it is nil.
@_spi(Command) public func unwritable(_ path: String, _ reason: String? = nil) -> FileError {
  FileError(.unwritable, path: path, "could not write: \(reason ?? systemReason(errno))")
}

private func unreadable(_ path: String, _ reason: String? = nil) -> FileError {
  FileError(.missing, path: path, "could not read: \(reason ?? systemReason(errno))")
}

/// The system's words for an error.
@_spi(Command) public func systemReason(_ error: Int32) -> String { String(cString: strerror(error)) }
