import Foundation
import KernelVLM
import Testing

struct DatasetLabelTests {
  /// Labels that are not kept are read 65,536 at a time.
  @Test func theIndexOfABadLabelIsThatInTheFile() throws {
    let count = 70_000
    var labels = [UInt8](repeating: 9, count: count)
    labels[count - 2] = 10
    try withTemporaryFolder { folder in
      let path = "\(folder)/train-labels-idx1-ubyte.gz"
      try write(storedGzip(idxFile([count], labels)), to: path)
      try write(idxFile([count, 1, 1], labels), to: "\(folder)/train-images-idx3-ubyte")
      let error = fileError { _ = try DataSource.folder(folder).load(.train) }
      #expect(error?.problem == "expected labels of 0 to 9, found 10 at index 69998")
      labels[count - 2] = 3
      try write(storedGzip(idxFile([count], labels)), to: path)
      #expect(try DataSource.folder(folder).load(.train).images.labels == labels)
    }
  }

  @Test(.enabled(if: MNISTAvailability.isPresent, MNISTAvailability.reason))
  func mnistWithOneChangedLabelIsCustom() throws {
    let folder = try #require(MNISTAvailability.folder)
    try withTemporaryFolder { copy in
      let images = try IDX(path: "\(folder)/t10k-images-idx3-ubyte", rank: 3)
      let labels = try IDX(path: "\(folder)/t10k-labels-idx1-ubyte", rank: 1)
      try write(idxFile(images.dimensions, images.bytes), to: "\(copy)/t10k-images-idx3-ubyte")
      for (changed, name) in [(UInt8(0), Dataset.Name.mnist), (1, .custom)] {
        var values = labels.bytes
        values[values.count - 1] ^= changed
        try write(idxFile(labels.dimensions, values), to: "\(copy)/t10k-labels-idx1-ubyte")
        #expect(try DataSource.folder(copy).load(.test).name == name)
      }
    }
  }
}
