import Foundation

/// Pictures that are named by the folders in which they lie.
public struct NamedPictures: Sendable, Equatable {
  /// The names: in alphabetic order, or those of the ten digits in theirs if there are no others.
  public let names: [String]
  /// For each picture the index of its name.
  public let labels: [UInt8]
  /// Whether the folders are called 0 to 9, which are taken for zero to nine.
  public let areNumerals: Bool

  /// - Throws: `FileError.malformed` for more than 256 names, and for one that a vocabulary refuses.
  public init(_ paths: [String]) throws(FileError) {
    let folders = paths.map { URL(filePath: $0).standardizedFileURL.deletingLastPathComponent().lastPathComponent }
    let numerals = (0...9).map(String.init)
    areNumerals = folders.allSatisfy(numerals.contains)
    let own = areNumerals ? folders.map { Vocabulary.digitNames[Int($0) ?? 0] } : folders
    let names = own.allSatisfy(Vocabulary.digitNames.contains) ? Vocabulary.digitNames : Set(own).sorted()
    do {
      self.names = try Vocabulary(names: names).names
    } catch {
      throw FileError(
        .malformed, path: paths.first ?? "",
        "expected \(error.setting), that of the folder in which a picture lies, to be \(error.rule), found \(error.value)"
      )
    }
    labels = own.map { UInt8(names.firstIndex(of: $0) ?? 0) }
  }

  /// Which pictures are to be judged by: of each name, in the order of the pictures, the k-th for which ⌊(k + 1) s⌋ > ⌊k s⌋.
  /// - Parameter share: s, 0 to 1.
  public func areTest(share: Double) -> [Bool] {
    var counts = [Int](repeating: 0, count: names.count)
    return labels.map { label in
      let index = Double(counts[Int(label)])
      counts[Int(label)] += 1
      return ((index + 1) * share).rounded(.down) > (index * share).rounded(.down)
    }
  }
}
