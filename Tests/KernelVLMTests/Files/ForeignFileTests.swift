import Foundation
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

struct ForeignFileTests {
  /// What a file holds, what it must be called, and a part of the cure for data and for a model.
  struct Known: Sendable, CustomTestStringConvertible {
    let name: String
    let data: String
    let model: String
    let bytes: [UInt8]

    init(_ name: String, _ bytes: [UInt8], _ cure: String) { self.init(name, bytes, cure, cure) }

    init(_ name: String, _ bytes: [UInt8], _ data: String, _ model: String) {
      (self.name, self.bytes, self.data, self.model) = (name, bytes, data, model)
    }

    init(_ name: String, convert bytes: [UInt8]) { self.init(name, bytes, "convert it to IDX", "train --save") }

    init(_ name: String, text: String, _ cure: String) { self.init(name, Array(text.utf8), cure) }

    var testDescription: String { "\(name), \(bytes.count) bytes" }
  }

  static let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"
  static let zeros = [UInt8](repeating: 0, count: 600)

  static func zip(_ name: String) -> [UInt8] {
    [0x50, 0x4B, 3, 4] + [UInt8](repeating: 0, count: 22) + [UInt8(name.utf8.count), 0, 0, 0] + Array(name.utf8)
  }

  static let known: [Known] = [
    .init("an empty file", [], "download it again"),
    .init("a Git LFS pointer", text: pointer, "'git lfs pull'"),
    .init("a git-annex pointer", text: "/annex/objects/SHA256E-s9--0\n", "'git annex get'"),
    .init("an HTML page", text: "<!DOCTYPE html><html>", "download the file itself"),
    .init("an HTML page", text: "\u{FEFF}\r\n <html lang=en>", "download the file itself"),
    .init("an HTML page", text: "<h1>404</h1>", "download the file itself"),
    .init("an HTML page", Array("<html>".utf8) + [0xE9, 0], "download the file itself"),
    .init("an XML document", text: "<?xml version=\"1.0\"?><Error>", "download the file itself"),
    .init("a gzip file", storedGzip([1]), "gunzip"), .init("an xz file", [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], "unxz"),
    .init("a bzip2 file", text: "BZh91AY&SY", "bunzip2"), .init("a zstd file", [0x28, 0xB5, 0x2F, 0xFD], "unzstd"),
    .init("a 7z archive", [0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "7z x"),
    .init("a tar archive", Array("a".utf8) + zeros[..<256] + Array("ustar\u{0}00".utf8), "tar xf"),
    .init("a zip archive", zip("train-images-idx3-ubyte"), "unzip"),
    .init("a zip archive", [0x50, 0x4B, 5, 6], "unzip"),
    .init("a NumPy archive (.npz)", convert: zip("x_train.npy")),
    .init("a PyTorch file (.pt)", convert: zip("archive/data.pkl")),
    .init("a NumPy array (.npy)", convert: [0x93] + Array("NUMPY\u{1}".utf8)),
    .init("a Python pickle, perhaps PyTorch's (.pt)", convert: [0x80, 2, 0x8A, 10, 0x6C]),
    .init("a Python pickle, perhaps PyTorch's (.pt)", convert: [0x80, 5, 0x95, 0]),
    .init("a PNG picture", convert: [0x89] + Array("PNG\r\n".utf8) + [0x1A, 10]),
    .init("a JPEG picture", convert: [0xFF, 0xD8, 0xFF, 0xE0]), .init("a GIF picture", convert: Array("GIF89a".utf8)),
    .init("a BMP picture", convert: Array("BM6".utf8)), .init("a TIFF picture", convert: [0x49, 0x49, 0x2A, 0]),
    .init("a TIFF picture", convert: [0x4D, 0x4D, 0, 0x2A]), .init("a Photoshop picture", convert: Array("8BPS".utf8)),
    .init("a WebP picture", convert: Array("RIFF\u{1}\0\0\0WEBPVP8 ".utf8)),
    .init("an icon (.ico)", convert: [0, 0, 1, 0, 1, 0]),
    .init("a HEIC picture", convert: Array("\0\0\0\u{18}ftypheic".utf8)),
    .init("a HEIC picture", convert: Array("\0\0\0\u{18}ftypmif1".utf8)),
    .init("an AVIF picture", convert: Array("\0\0\0\u{18}ftypavif".utf8)),
    .init("a video", convert: Array("\0\0\0\u{18}ftypqt  ".utf8)),
    .init("a JPEG XL picture", convert: [0, 0, 0, 0x0C] + Array("JXL ".utf8)),
    .init("a JPEG 2000 picture", convert: [0, 0, 0, 0x0C] + Array("jP  ".utf8)),
    .init("an SVG drawing", convert: Array("<?xml version=\"1.0\"?><svg xmlns=\"\">".utf8)),
    .init("an SVG drawing", convert: Array("\n<svg>".utf8)),
    .init("an HDF5 file", convert: [0x89] + Array("HDF\r\n".utf8) + [0x1A, 10]),
    .init("a Parquet table", convert: Array("PAR1".utf8) + [21]),
    .init("a MATLAB file", convert: Array("MATLAB 5.0 MAT-file".utf8)),
    .init("a GGUF model", convert: Array("GGUF".utf8) + [3, 0]),
    .init("a PDF document", convert: Array("%PDF-1.7".utf8)),
    .init("text in UTF-16", convert: [0xFF, 0xFE, 0x31, 0]), .init("text in UTF-16", convert: [0xFE, 0xFF, 0, 0x31]),
    .init("an IDX file", idxFile([2], [1, 2]), "MNIST's name", "that is data: give --data its folder"),
    .init("an IDX file", [0, 0, 0x0D, 2], "MNIST's name", "that is data"),
    .init("an IDX file in the other byte order", [3, 8, 0, 0, 2, 0, 0, 0], "with their highest byte first"),
    .init("a safetensors file", safetensorsFile("{}"), "that is a model"),
    .init("JSON text", convert: Array("\n{\"a\": 1}".utf8)), .init("JSON text", convert: Array("[1]".utf8)),
    .init("CSV text", convert: Array("label,1x1,1x2\n5,0,0\n".utf8)), .init("CSV text", convert: Array("5\t0\t0".utf8)),
    .init("CSV text", convert: [0xEF, 0xBB, 0xBF] + Array("5;0\r\n".utf8)),
    .init("text", convert: Array("404: Not Found\n".utf8)), .init("text", convert: Array("a\n1,2".utf8)),
    // The last character of the first 512 bytes is cut.
    .init("text", convert: [UInt8](repeating: 97, count: 511) + Array("é".utf8)),
  ]

  @Test(arguments: known) func whatIsKnownIsNamedWithTheCure(file: Known) throws {
    let found = try #require(ForeignFile.identify(file.bytes))
    #expect(found.name == file.name)
    #expect(found.found(as: .data).hasPrefix("\(file.name): ") && found.found(as: .data).contains(file.data))
    #expect(found.found(as: .model).hasPrefix("\(file.name): ") && found.found(as: .model).contains(file.model))
  }

  @Test(arguments: [
    zeros, [0], [7, 7], [0x80, 2], [0x80, 2, 0], [0x50, 0x4B, 1, 2], [0, 0, 8], [0, 0, 8, 0], [0, 0, 7, 1],
    [3, 7, 0, 0],
    [0xC3], [97, 0xFF], [UInt8](repeating: 97, count: 500) + [0xC3] + [UInt8](repeating: 97, count: 100),
    [3, 0, 0, 0, 0, 0, 0, 0, 0x5B],
    Array("< 3".utf8) + [1], [UInt8](repeating: 255, count: 600),
  ]) func whatIsNotKnownIsNotNamed(bytes: [UInt8]) {
    #expect(ForeignFile.identify(bytes) == nil)
  }

  /// Read by their readers, raw and within gzip. Zeros are how IDX begins.
  @Test(
    arguments: known.filter {
      !["an IDX file", "a safetensors file"].contains($0.name) && !$0.bytes.starts(with: [0, 0])
    })
  func theReadersSayIt(file: Known) {
    let data = fileError { _ = try IDX(content: file.bytes, rank: 3, path: "digits") }
    let model = fileError { _ = try Safetensors(decoding: file.bytes, path: "model") }
    for (error, cure) in [(data, file.data), (model, file.model)] where error != data || file.name != "a gzip file" {
      #expect(error?.kind == .malformed && error?.problem.contains("found \(file.name): ") == true)
      #expect(error?.problem.contains(cure) == true)
    }
    guard !file.bytes.isEmpty else { return }
    let inside = fileError { _ = try IDX(content: storedGzip(file.bytes), rank: 1, path: "digits.gz") }
    #expect(inside?.problem.contains("rank 1), found \(file.name) inside gzip: ") == true)
  }

  @Test func dataGivenForAModelAndAModelForDataAreNamed() {
    let model = fileError { _ = try Safetensors(decoding: idxFile([2, 1, 1], [1, 2]), path: "model") }
    #expect(
      model?.problem == "expected a model in safetensors, found an IDX file: that is data: give --data its folder")
    let data = fileError { _ = try IDX(content: safetensorsFile("{}"), rank: 3, path: "digits") }
    #expect(data?.problem.contains("found a safetensors file: that is a model") == true)
  }

  @Test func aFileIsJudgedByItsPathAlsoWithinGzip() throws {
    try withTemporaryFolder { folder in
      try write(Array(Self.pointer.utf8), to: "\(folder)/a")
      try write(storedGzip(Array("<html>".utf8)), to: "\(folder)/b")
      try write([0x1F, 0x8B, 7], to: "\(folder)/c")
      #expect(ForeignFile.identify(fileAt: "\(folder)/a")?.name == "a Git LFS pointer")
      #expect(ForeignFile.identify(fileAt: "\(folder)/b")?.name == "an HTML page")
      #expect(ForeignFile.identify(fileAt: "\(folder)/c") == nil)
      #expect(ForeignFile.identify(fileAt: folder) == nil && ForeignFile.identify(fileAt: "\(folder)/d") == nil)
    }
  }
}
