import Foundation

/// What stands at `path`, where a folder with certain files was expected, as the end of an error: the first names, and of
/// the first file that is known by its content what it is and what to do about it.
func describeFolder(_ path: String) -> String {
  var isFolder: ObjCBool = false
  guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return "no such folder" }
  guard isFolder.boolValue else {
    return ForeignFile.identify(fileAt: path).map { "a file, \($0.found(as: .data))" } ?? "no folder but a file"
  }
  guard let names = try? FileManager.default.contentsOfDirectory(atPath: path).sorted() else {
    return "a folder that cannot be read"
  }
  guard !names.isEmpty else { return "an empty folder" }
  let most = 8
  let listed = names.prefix(most).map(quoted).joined(separator: ", ")
  let list = listed + (names.count > most ? " and \(names.count - most) more" : "")
  let known = MNIST.files.flatMap { $0.candidates(in: path) }
  for name in names.prefix(most) where !known.contains("\(path)/\(name)") {
    guard let foreign = ForeignFile.identify(fileAt: "\(path)/\(name)"), foreign.name != "text" else { continue }
    return "\(list); \(quoted(name)) is \(foreign.found(as: .data))"
  }
  return list
}
