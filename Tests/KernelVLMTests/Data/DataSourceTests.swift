import Foundation
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

struct DataSourceTests {
  @Test(.enabled(if: MNISTAvailability.isPresent, MNISTAvailability.reason))
  func whatTheCacheLacksIsFetchedAndThenUsed() throws {
    let mnist = try #require(MNISTAvailability.folder)
    // The mirror has the files of that folder, be they raw or gzip.
    let transport: Transport = { (url, _, progress) throws(TransportError) in
      let path = "\(mnist)/\(url.deletingPathExtension().lastPathComponent)"
      guard let file = IDX.existingFile(path), let content = FileManager.default.contents(atPath: file) else {
        throw TransportError("no \(path)")
      }
      progress(content.count, content.count)
      return Array(content)
    }
    try withTemporaryFolder { cache in
      let source = try DataSource.resolve(
        nil, environment: ["XDG_CACHE_HOME": cache], mirrors: ["https://mirror.invalid/"], transport: transport)
      #expect(source == .folder("\(cache)/kernelvlm/mnist"))
      #expect(try source.load(.test).name == .mnist)
    }
  }

  @Test func memoryThatNoMachineHasIsAnError() {
    for count in [Int.max, Int.max - (16 << 20), 1 << 60] {
      let error = fileError { try requireMemory(count, for: "file") }
      #expect(error == FileError(.memory, path: "file", "expected \(count) bytes of memory, found too little"))
    }
  }
}
