import Foundation

/// Pictures in a folder.
public enum PictureFolder {
  /// The endings of their names, in any case.
  public static let endings = ["png", "jpg", "jpeg"]

  /// The paths of all pictures in a folder and in those below it, sorted; of other files, and of hidden ones, none.
  /// - Throws: `FileError.missing` for a folder without a picture, or one that cannot be read.
  public static func pictures(in folder: String) throws(FileError) -> [String] {
    let pictures = try files(in: folder, depth: 0).filter { path in
      endings.contains(URL(filePath: path).pathExtension.lowercased())
    }
    guard !pictures.isEmpty else {
      throw FileError(
        .missing, path: folder, "expected pictures (.png, .jpg, .jpeg), found \(describeFolder(folder))")
    }
    return pictures
  }

  /// Whether `path` is a folder, or a link to one.
  public static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
  }

  /// Links may lead in circles.
  private static let deepest = 16

  private static func files(in folder: String, depth: Int) throws(FileError) -> [String] {
    guard depth <= deepest else {
      throw FileError(.missing, path: folder, "expected folders at most \(deepest) deep, found more")
    }
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { !$0.hasPrefix(".") }.sorted()
    } catch {
      throw FileError(.missing, path: folder, "expected a folder that can be read, found \(describeFolder(folder))")
    }
    var paths: [String] = []
    for path in names.map({ folder.hasSuffix("/") ? folder + $0 : "\(folder)/\($0)" }) {
      paths += isFolder(path) ? try files(in: path, depth: depth + 1) : [path]
    }
    return paths
  }
}
