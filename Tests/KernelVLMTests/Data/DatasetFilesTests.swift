import Foundation
import KernelVLM
import Testing

/// Data sets that are written as files.
struct DatasetFilesTests {
  @Test func whatIsWrittenIsReadBack() throws {
    let shapes = DrawnShapes()
    let data = Dataset(
      name: .shapes, names: DrawnShapes.names, train: shapes.images(.train, 0..<60), test: shapes.images(.test, 0..<7))
    try withTemporaryFolder { root in
      let folder = "\(root)/new/folder"
      try data.write(to: folder)
      let read = try DataSource.folder(folder).load()
      #expect(read.train == data.train && read.test == data.test && read.names == data.names && read.name == .custom)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 5)
      let train = try IDX(path: "\(folder)/train-images-idx3-ubyte", rank: 3)
      #expect(train.dimensions == [60, 24, 32] && train.bytes == data.train.images)
    }
  }

  @Test(arguments: ["names.txt", "t10k-labels-idx1-ubyte", "train-images-idx3-ubyte.gz"])
  func nothingIsReplaced(name: String) throws {
    let image = LabelledImages(images: [1, 2], labels: [3], size: ImageSize(1, 2))
    try withTemporaryFolder { folder in
      try write([7], to: "\(folder)/\(name)")
      let error = fileError { try Dataset(name: .custom, train: image, test: image).write(to: folder) }
      #expect(error?.kind == .unwritable && error?.path == "\(folder)/\(name)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == [name])
      #expect(FileManager.default.contents(atPath: "\(folder)/\(name)") == Data([7]))
    }
  }
}
