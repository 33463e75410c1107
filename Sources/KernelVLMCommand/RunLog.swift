import Foundation
import KernelVLM

/// A file with one JSON object for each logged step.
///
/// A line that cannot be written ends the log, not the training: `finish` reports it.
struct RunLog {
  private struct Line: Encodable {
    let step: Int
    let loss: Double
    let text: Double
    let recon: Double
    let target: String
    let learningRate: Double
    let seconds: Double
  }

  private let path: String
  private let file: FileHandle
  private var failure: FileError?

  /// Creates the file if there is none; else empties it, or goes on behind its last line.
  init(path: String, appends: Bool) throws(FileError) {
    let isThere = appends && FileManager.default.fileExists(atPath: path)
    guard isThere || FileManager.default.createFile(atPath: path, contents: nil),
      let file = FileHandle(forUpdatingAtPath: path)
    else {
      throw FileError(.unwritable, path: path, "expected a file to write a log to: \(String(cString: strerror(errno)))")
    }
    do { try Self.seekBehindLastLine(of: file) } catch {
      throw FileError(.unwritable, path: path, "could not append: \(error.localizedDescription)")
    }
    self.path = path
    self.file = file
  }

  /// Ends a line first that was left unfinished, by a full disk, say.
  private static func seekBehindLastLine(of file: FileHandle) throws {
    let size = try file.seekToEnd()
    guard size > 0 else { return }
    try file.seek(toOffset: size - 1)
    if try file.read(upToCount: 1) != Data("\n".utf8) { try file.write(contentsOf: Data("\n".utf8)) }
  }

  mutating func append(_ report: StepReport, learningRate: Double, seconds: Double) {
    guard failure == nil else { return }
    let line = Line(
      step: report.step, loss: report.loss, text: report.text, recon: report.reconstruction, target: report.target,
      learningRate: learningRate, seconds: seconds)
    do {
      try file.write(contentsOf: Data((Output.jsonLine(line) + "\n").utf8))
    } catch {
      failure = FileError(.unwritable, path: path, "could not write step \(report.step): \(error.localizedDescription)")
    }
  }

  func finish() throws {
    try file.close()
    if let failure { throw failure }
  }
}
