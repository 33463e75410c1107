import Foundation
@_spi(Command) import KernelVLM
import Synchronization

/// Standard output cannot be written: the disk is full, say, or nobody reads any more.
struct OutputError: Error, CustomStringConvertible {
  let description: String
}

/// The two streams: results go to standard output, everything else to standard error.
enum Output {
  /// - Throws: `OutputError`.
  static func result(_ text: String) throws {
    guard writeAll(Array((text + "\n").utf8), to: STDOUT_FILENO) else {
      throw OutputError(description: "standard output: could not write: \(systemReason(errno))")
    }
  }

  /// One JSON object, its keys in snake case and sorted.
  static func json(_ value: some Encodable) throws {
    try result(jsonLine(value))
  }

  static func jsonLine(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  private static let silence = Mutex(false)

  /// Whether standard error is for errors alone.
  static var isSilent: Bool { silence.withLock { $0 } }

  /// From here on notes are left out.
  static func silenceNotes() { silence.withLock { $0 = true } }

  /// A line on standard error, unless it is for errors alone.
  static func note(_ line: String) {
    if !isSilent { error(line) }
  }

  /// A line on standard error. That it cannot be written is no reason to stop.
  static func error(_ line: String) { noteUnended(line.harmless + "\n") }

  /// The same without the line's end, and as it is.
  static func noteUnended(_ text: String) { _ = writeAll(Array(text.utf8), to: STDERR_FILENO) }
}

extension Double {
  /// "91.49 %"
  var percent: String { (100 * self).fixed(2) + " %" }
}

extension Int {
  /// "60,000"
  var grouped: String {
    let digits = String(magnitude)
    let groups = stride(from: digits.count, to: 0, by: -3).map { end in
      String(digits.dropLast(digits.count - end).suffix(3))
    }
    return (self < 0 ? "-" : "") + groups.reversed().joined(separator: ",")
  }

  /// "1 image", "2 images"
  func of(_ noun: String) -> String { "\(grouped) \(noun)\(self == 1 ? "" : "s")" }
}

extension Duration {
  var seconds: Double { self / .seconds(1) }
}

extension String {
  /// As one word of a POSIX shell.
  var quotedForShell: String {
    let isPlain = !isEmpty && allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_./,:+@%=".contains($0)) }
    return isPlain ? self : "'" + replacing("'", with: "'\\''") + "'"
  }
}
