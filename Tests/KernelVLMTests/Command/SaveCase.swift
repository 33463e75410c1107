import Foundation
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

/// Two models, of which the old one is in a file and the new one is what `arguments` save there.
struct SaveCase {
  /// In a folder that has nothing else in it.
  let model: String
  let folder: String
  let old: [UInt8]
  let new: [UInt8]
  let arguments: [String]
  /// A folder for whatever else a test writes.
  let scratch: String

  init(_ scratch: String) throws {
    self.scratch = scratch
    folder = "\(scratch)/models"
    model = "\(folder)/model.safetensors"
    let data = "\(scratch)/data"
    for folder in [folder, data] {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    }
    for file in MNIST.files {
      let content =
        file.rank == 1 ? idxFile([4], [0, 1, 2, 3]) : idxFile([4, 28, 28], (0..<3136).map { UInt8($0 % 251) })
      try write(content, to: file.path(in: data))
    }
    arguments = ["train", "--data", data, "--steps", "1", "--save", model]
    new = try Self.saved(arguments, to: model)
    old = try Self.saved(arguments + ["--seed", "1"], to: model)
    try #require(old != new)
  }

  private static func saved(_ arguments: [String], to model: String) throws -> [UInt8] {
    try #require(try CommandRun(arguments).status == 0)
    _ = try Checkpoint(path: model)
    return try readFile(at: model, sizeLimit: 1 << 24)
  }

  static func with(_ body: (SaveCase) throws -> Void) throws {
    try withTemporaryFolder { try body(SaveCase($0)) }
  }

  /// What a file at `path` is; nil if it is neither model whole, which loading would refuse.
  func content(_ path: String? = nil) -> Content? {
    guard (try? Checkpoint(path: path ?? model)) != nil else { return nil }
    let bytes = try? readFile(at: path ?? model, sizeLimit: 1 << 24)
    return bytes == old ? .old : bytes == new || bytes.flatMap(Self.withoutScore) == Self.withoutScore(new) ? .new : nil
  }

  /// A model is saved before its test images are spelled, and once more with how many of them were right.
  private static func withoutScore(_ bytes: [UInt8]) -> [UInt8]? {
    guard var file = try? Safetensors(decoding: bytes, path: "") else { return nil }
    for key in ["test_correct", "test_images"] { file.metadata[key] = nil }
    return file.encoded()
  }

  enum Content { case old, new }

  func restoreOld() throws { try write(old, to: model) }

  func names() throws -> [String] { try KernelVLMTests.names(in: folder) }
}
