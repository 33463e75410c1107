import Foundation
@_spi(Command) import KernelVLM

/// A file with one JSON object for each logged step. It may be anything that can be opened to be written: links are
/// followed, and only a regular file is emptied or cut.
///
/// A line that cannot be written ends the log, not the training: `finish` reports it.
struct RunLog {
  private struct Line: Codable {
    let step: Int
    let loss: Double
    let text: Double
    let recon: Double
    let target: String
    let learningRate: Double
    let seconds: Double
  }

  /// Of images that are not trained on.
  private struct HeldOutLine: Codable {
    let step: Int
    let heldOutAccuracy: Double
    let heldOutCorrect: Int
    let heldOutImages: Int
    let seconds: Double
  }

  private let path: String
  private let file: FileHandle
  private var failure: FileError?

  /// Opens the file, or makes it where there is none. What is in it stays until `begin`.
  init(_ path: String) throws(FileError) {
    self.path = path
    // Without O_NONBLOCK, opening a named pipe would wait for a reader; without O_NOCTTY, a terminal might become this
    // process's own.
    let flags = O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC
    var descriptor = open(path, flags)
    if descriptor < 0, errno == ENOENT {
      descriptor = open(path, flags | O_CREAT | O_EXCL, 0o644)
      if descriptor < 0 { throw unwritable(path, Self.reasonOfNoNewFile(path)) }
    }
    guard descriptor >= 0 else { throw unwritable(path, Self.hasNoReader(path) ? "nobody reads this named pipe" : nil) }
    file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    // A device that takes nothing says so.
    guard Self.isRegular(descriptor) || write(descriptor, "", 0) == 0 else { throw unwritable(path) }
  }

  private static func reasonOfNoNewFile(_ path: String) -> String? {
    switch errno {
    case EEXIST: linkToNothing
    case ENOENT: missingFolder(of: path)
    default: nil
    }
  }

  private static func hasNoReader(_ path: String) -> Bool {
    var status = stat()
    return errno == ENXIO && stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
  }

  private static func isRegular(_ descriptor: Int32) -> Bool { FileIdentity(ofRegularFile: descriptor) != nil }

  /// Makes the file ready for the steps of a training, or for those after `resumedStep`: then lines of later steps are
  /// removed, which a training that was killed had logged and not saved. Every other line stays, be it a log line or not.
  func begin(after resumedStep: Int?) throws(FileError) {
    if Self.isRegular(file.fileDescriptor) {
      do {
        if let resumedStep { try cut(after: resumedStep) } else { try file.truncate(atOffset: 0) }
      } catch {
        throw FileError(.unwritable, path: path, "could not append: \(error.localizedDescription)")
      }
    }
    // What is no regular file is waited for from here on.
    guard fcntl(file.fileDescriptor, F_SETFL, O_APPEND) == 0 else { throw unwritable(path) }
  }

  /// Ends a last line that was left unfinished, by a full disk, say.
  private func cut(after step: Int) throws {
    let content = try Data(contentsOf: URL(fileURLWithPath: path))
    let newline = UInt8(ascii: "\n")
    var lines = content.split(separator: newline, omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    let kept = lines.filter { (Self.step(in: $0) ?? 0) <= step }
    let same = zip(lines, kept).prefix { $0.startIndex == $1.startIndex }.count
    let isUnfinished = same == lines.count && content.last != newline
    let offset = same < lines.count ? lines[same].startIndex : content.count
    let rest = kept[same...].reduce(into: Data()) { $0 += $1 + [newline] } + (isUnfinished ? [newline] : [])
    // In this order no line that stays is lost on the way.
    try file.seek(toOffset: UInt64(offset))
    try file.write(contentsOf: rest)
    try file.truncate(atOffset: UInt64(offset + rest.count))
  }

  /// That of a log line; nil for any other.
  private static func step(in line: Data) -> Int? {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return (try? decoder.decode(Line.self, from: line))?.step
      ?? (try? decoder.decode(HeldOutLine.self, from: line))?.step
  }

  mutating func append(_ report: StepReport, learningRate: Double, seconds: Double) {
    append(
      Line(
        step: report.step, loss: report.loss, text: report.text, recon: report.reconstruction, target: report.target,
        learningRate: learningRate, seconds: seconds), step: report.step)
  }

  /// What was spelled of the held-out images after step `step`.
  mutating func append(_ heldOut: Evaluation, step: Int, seconds: Double) {
    append(
      HeldOutLine(
        step: step, heldOutAccuracy: heldOut.accuracy, heldOutCorrect: heldOut.correct, heldOutImages: heldOut.count,
        seconds: seconds), step: step)
  }

  private mutating func append(_ line: some Encodable, step: Int) {
    guard failure == nil else { return }
    guard let text = try? Output.jsonLine(line), writeAll(Array("\(text)\n".utf8), to: file.fileDescriptor) else {
      failure = FileError(.unwritable, path: path, "could not write step \(step): \(systemReason(errno))")
      return
    }
  }

  func finish() throws {
    try file.close()
    if let failure { throw failure }
  }
}
