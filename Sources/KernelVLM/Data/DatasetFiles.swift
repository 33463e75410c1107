import Foundation

extension Dataset {
  /// Writes the names, `names.txt`, and the four raw IDX files of MNIST's names, for `DataSource.folder` and others to read.
  /// Each file is whole or is not there (`writeAtomically`); the folder is made if there is none. A split without images is
  /// not written.
  /// - Throws: `FileError.unwritable`, also for a folder that has one of the files, raw or gzip: nothing is replaced.
  public func write(to folder: String) throws(FileError) {
    let present = [NamesFile.path(in: folder)].filter(FileManager.default.fileExists(atPath:))
    if let present = (present + MNIST.files.compactMap { $0.find(in: folder) }).first {
      throw FileError(.unwritable, path: present, "expected no such file to write to, found one; it is left as it is")
    }
    try MNIST.make(folder)
    try writeAtomically(NamesFile.content(names), to: NamesFile.path(in: folder))
    for (split, part) in [(Split.train, train), (.test, test)] where part.count > 0 {
      let (images, labels) = MNIST.files(split)
      let dimensions = [part.count, part.size.height, part.size.width]
      try writeAtomically([IDX.header(dimensions), part.images], to: images.path(in: folder))
      try writeAtomically([IDX.header([part.labels.count]), part.labels], to: labels.path(in: folder))
    }
  }
}
