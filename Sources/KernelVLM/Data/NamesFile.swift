import Foundation

/// The file `names.txt` of a data folder: the names of the labels 0, 1, …, one on each line.
///
/// UTF-8, with lines that end in LF or CRLF; the last may end without. Strict: an empty line, a control character, a name
/// that is there twice, and more than 256 names or 64 KiB are refused.
struct NamesFile: Equatable {
  static let name = "names.txt"
  private static let sizeLimit = 64 << 10

  let path: String
  let names: [String]

  /// Nil if the folder has no such file.
  /// - Throws: `FileError`, `missing` for one that cannot be read, or `malformed`.
  init?(in folder: String) throws(FileError) {
    path = Self.path(in: folder)
    // Of the link itself: one to nothing is an error.
    guard (try? FileManager.default.attributesOfItem(atPath: path)) != nil else { return nil }
    names = try Self.names(readFile(at: path, sizeLimit: Self.sizeLimit), path: path)
  }

  static func path(in folder: String) -> String { (folder.hasSuffix("/") ? folder : folder + "/") + name }

  /// What `names(_:path:)` reads.
  static func content(_ names: [String]) -> [UInt8] { Array(names.map { $0 + "\n" }.joined().utf8) }

  /// - Parameter path: the file's name, for errors.
  static func names(_ content: [UInt8], path: String) throws(FileError) -> [String] {
    func malformed(_ problem: String) -> FileError { FileError(.malformed, path: path, problem) }
    if let invalid = firstInvalidUTF8(in: content[...]) {
      throw malformed("expected UTF-8, found byte \(content[invalid]) at \(invalid)")
    }
    var lines = content.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    var names: [String] = []
    for (index, line) in lines.enumerated() {
      let name = String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
      guard !name.isEmpty else { throw malformed("expected a name on line \(index + 1), found an empty line") }
      guard name.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control && $0 != "\u{FEFF}" }) else {
        throw malformed("expected a name without control characters on line \(index + 1), found \(quoted(name))")
      }
      names.append(name)
    }
    do {
      return try Vocabulary(names: names).names
    } catch {
      // Names are counted from 0, as labels are.
      throw malformed("expected \(error.setting) to be \(error.rule), found \(error.value)")
    }
  }
}
