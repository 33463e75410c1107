import ArgumentParser
import Foundation
import KernelVLM

/// A file or a stream, and what the user calls it.
struct NamedPlace {
  let name: String
  private let path: String
  private let identity: FileIdentity?

  init(_ name: String, _ path: String) {
    (self.name, self.path) = (name, path)
    identity = FileIdentity(path)
  }

  private init(stream: String, _ descriptor: Int32) {
    (name, path) = (stream, stream)
    identity = FileIdentity(ofRegularFile: descriptor)
  }

  static let streams = [
    NamedPlace(stream: "standard output", STDOUT_FILENO), NamedPlace(stream: "standard error", STDERR_FILENO),
  ]

  /// Refuses what is written to this file and read from, or written to, one of `others`: it would be lost.
  /// - Throws: `ValidationError` with both names.
  func requireOther(than others: [NamedPlace]) throws {
    guard let identity, let other = others.first(where: { $0.identity == identity }) else { return }
    throw ValidationError("\(other.name) and \(name) name the same file, \(path)")
  }
}

extension Train {
  /// The files that are written.
  private var written: [NamedPlace] {
    let target = save.map { NamedPlace("--save", $0) } ?? resume.map { NamedPlace("--resume", $0) }
    return [target, log.map { NamedPlace("--log", $0) }].compactMap(\.self)
  }

  /// Refuses two options that would write to one file, or to a stream's, however it is spelled.
  func requireDistinctPlaces() throws {
    for place in written { try place.requireOther(than: NamedPlace.streams) }
    guard let log else { return }
    let models = [("--save", save), ("--resume", resume), ("--from", from)].compactMap { option, path in
      path.map { NamedPlace(option, $0) }
    }
    try NamedPlace("--log", log).requireOther(than: models)
  }

  /// Refuses to write to a file that the images are read from.
  func requireDistinct(from source: DataSource) throws {
    let files = source.files.map { NamedPlace("the data file \($0)", $0) }
    for place in written { try place.requireOther(than: files) }
  }
}
