import ArgumentParser
import Foundation
import KernelVLM

/// A picture that the user names.
enum PictureInput {
  case file(String)
  case standardInput

  /// What errors and results call it.
  var name: String {
    switch self {
    case .file(let path): path
    case .standardInput: "standard input"
    }
  }

  /// The pictures that arguments name: files, those in folders and below them, and "-" for standard input.
  /// - Throws: `FileError.missing` for a folder without pictures.
  static func all(_ arguments: [String]) throws -> [PictureInput] {
    try arguments.flatMap { argument -> [PictureInput] in
      if argument == "-" { return [.standardInput] }
      guard PictureFolder.isFolder(argument) else { return [.file(argument)] }
      return try PictureFolder.pictures(in: argument).map(PictureInput.file)
    }
  }

  /// - Throws: `FileError`.
  func picture() throws -> GreyPicture {
    guard case .file(let path) = self else {
      let limit = GreyPicture.fileSizeLimit
      let bytes = try FileHandle.standardInput.read(upToCount: limit + 1) ?? Data()
      guard bytes.count <= limit else {
        throw FileError(.malformed, path: name, "expected at most \(limit) bytes, found more")
      }
      return try GreyPicture(file: Array(bytes), path: name)
    }
    return try GreyPicture(path: path)
  }

  /// The images of the picture.
  /// - Throws: `FileError`, also for a picture without ink.
  func images(_ cut: PictureCut, size: ImageSize) throws -> [NormalisedImage] {
    let images = try picture().images(cut, size: size)
    guard !images.isEmpty else {
      throw FileError(
        .malformed, path: name,
        "expected ink that stands out of its background\(cut == .digits ? ", of the size of digits" : ""), found none")
    }
    return images
  }
}

extension PictureCut: ExpressibleByArgument {}
