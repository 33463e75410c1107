import Foundation
import KernelVLM
import Testing

/// A file that must be refused: what stands there, how the command comes to read it, and what the error must say.
struct BadFile: Sendable, CustomTestStringConvertible {
  /// How the command comes to read it.
  enum Use: Sendable {
    /// As a model: `evaluate FILE`.
    case model
    /// Under this name among MNIST's four, the others being good: `data info --data FOLDER`.
    case data(String)
    /// As the training images, gzip, beside which there are so many labels.
    case images(count: Int)
    /// The same as `data` for `train --data FOLDER`, which wants labels with names, and test images of the same size.
    case training(String)
    /// As the folder itself.
    case folder
    /// As a picture: `see MODEL FILE`, with a good model.
    case picture
  }

  /// What stands at its path.
  enum Content: Sendable {
    case bytes([UInt8])
    /// So many bytes of 0, most of them a hole.
    case hole(Int)
    case nothing
    case folder
    case pipe
    /// A good file that its owner has made unreadable.
    case unreadable([UInt8])
    case link(String)
  }

  /// Its name.
  let testDescription: String
  let use: Use
  let content: Content
  /// The exit status: 65, bad data, for what can be read; 66, no input, for what cannot.
  let status: Int32
  /// A part of the error.
  let problem: String

  init(_ name: String, _ use: Use = .model, bytes: [UInt8], _ problem: String) {
    self.init(name, use, .bytes(bytes), status: 65, problem)
  }

  init(_ name: String, _ use: Use, _ content: Content, status: Int32 = 66, _ problem: String) {
    testDescription = name
    self.use = use
    self.content = content
    self.status = status
    self.problem = problem
  }

  /// All of them, each group under its name.
  static let groups: [(name: String, files: [BadFile])] = [
    ("safetensors", safetensors), ("official", officialSafetensors), ("models", models), ("idx", idx), ("gzip", gzip),
    ("paths", paths), ("pictures", pictures),
  ]

  /// What its path holds, as far as a size can be told of it.
  var byteCount: Int {
    switch content {
    case .bytes(let bytes), .unreadable(let bytes): bytes.count
    case .hole(let size): size
    case .nothing, .folder, .pipe, .link: 0
    }
  }

  var bytes: [UInt8] {
    if case .bytes(let bytes) = content { bytes } else { [] }
  }

  var isHole: Bool {
    if case .hole = content { true } else { false }
  }

  var isUnreadable: Bool {
    if case .unreadable = content { true } else { false }
  }

  /// Makes the file in the empty folder `folder`, together with what the command needs besides.
  /// - Returns: its path, and the arguments that make the command read it.
  func make(in folder: String) throws -> (path: String, arguments: [String]) {
    let good = "\(folder)/data"
    switch use {
    case .folder, .picture: break
    case .model, .data, .images, .training: try Self.makeGoodData(in: good, without: use)
    }
    switch use {
    case .model:
      try place(at: "\(folder)/file")
      return ("\(folder)/file", ["evaluate", "\(folder)/file", "--data", good])
    case .data(let name):
      return (try place(name, among: good), ["data", "info", "--data", good])
    case .images:
      return (try place("train-images-idx3-ubyte.gz", among: good), ["data", "info", "--data", good])
    case .training(let name):
      return (try place(name, among: good), ["train", "--data", good])
    case .folder:
      try place(at: good)
      return (good, ["data", "info", "--data", good])
    case .picture:
      try place(at: "\(folder)/file")
      return ("\(folder)/file", ["see", Self.goodModel, "\(folder)/file"])
    }
  }

  /// A model that can be read, whatever it has learnt.
  static let goodModel = Bundle.module.bundleURL.appendingPathComponent("Fixtures/half-done-0.2.0.safetensors").path

  /// MNIST's four files with two images of 2 x 2 pixels each, but the one whose place `use` takes.
  static func makeGoodData(in folder: String, without use: Use = .folder) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for file in MNIST.files {
      switch use {
      case .data(let name), .training(let name): if name.hasPrefix(file.name) { continue }
      case .images(let count):
        if file == MNIST.files(.train).images { continue }
        if file == MNIST.files(.train).labels {
          try write(idxFile([count], [UInt8](repeating: 0, count: count)), to: "\(folder)/\(file.name)")
          continue
        }
      case .model, .folder, .picture: break
      }
      try write(file.rank == 3 ? goodImages : goodLabels, to: "\(folder)/\(file.name)")
    }
  }

  static let goodImages = idxFile([2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8])
  static let goodLabels = idxFile([2], [0, 9])

  /// The path of what the error must name: the file, or the folder that has none of this name.
  private func place(_ name: String, among folder: String) throws -> String {
    let path = "\(folder)/\(name)"
    try place(at: path)
    var isFolder: ObjCBool = false
    let isFile = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder.boolValue
    return isFile ? path : folder
  }

  private func place(at path: String) throws {
    switch content {
    case .bytes(let bytes): try write(bytes, to: path)
    case .hole(let size):
      try write([], to: path)
      try #require(truncate(path, size) == 0)
    case .nothing: break
    case .folder: try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    case .pipe: try #require(mkfifo(path, 0o600) == 0)
    case .unreadable(let bytes):
      try write(bytes, to: path)
      try #require(chmod(path, 0) == 0)
    case .link(let target): try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
    }
  }
}
