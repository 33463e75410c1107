import Foundation
import KernelVLM
import Testing

@Suite struct DataCommandTests {
  @Test func infoCountsEveryLabel() throws {
    let result = try CommandRun("data", "info", "--data", "drawn", "--json").json()
    #expect(result["dataset"] as? String == "drawn")
    let splits = try #require(result["splits"] as? [[String: Any]])
    #expect(splits.compactMap { $0["images"] as? Int } == [60_000, 10_000])
    for split in splits {
      let labels = try #require(split["labels"] as? [Int])
      #expect(labels.count == 10 && labels.reduce(0, +) == split["images"] as? Int)
    }
  }

  @Test func infoDownloadsNothing() throws {
    try withTemporaryFolder { folder in
      let run = try CommandRun(["data", "info"], environment: ["XDG_CACHE_HOME": folder])
      #expect(run.status == 0)
      #expect(run.output.contains("kernelvlm data fetch") && run.output.contains(folder))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
    }
  }

  @Test func fetchWithoutANetworkExits69() throws {
    try withTemporaryFolder { folder in
      let run = try CommandRun(
        ["data", "fetch", "--to", "\(folder)/mnist"], environment: ["https_proxy": "http://127.0.0.1:1"])
      #expect(run.status == 69)
      #expect(run.output.isEmpty)
    }
  }

  @Test(.enabled(if: MNISTAvailability.isPresent, MNISTAvailability.reason))
  func fetchVerifiesWhatIsThere() throws {
    let folder = try #require(MNISTAvailability.folder)
    let run = try CommandRun("data", "fetch", "--to", folder)
    #expect(run.status == 0 && run.output.contains(folder))
    let info = try CommandRun("data", "info", "--data", folder, "--json").json()
    #expect(info["dataset"] as? String == "mnist")
    let hashes = try #require(info["hashes"] as? [[String: Any]])
    #expect(hashes.compactMap { $0["sha256"] as? String } == MNIST.files.map(\.sha256))
  }
}
