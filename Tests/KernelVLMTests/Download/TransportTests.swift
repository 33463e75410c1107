import Foundation
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

struct TransportTests {
  private func url(_ text: String) throws -> URL { try #require(URL(string: text)) }

  @Test(arguments: [
    ("https://other.test/a", "https://one.test/", true), ("http://one.test/a", "https://one.test/", false),
    ("file:///etc/hosts", "https://one.test/", false), ("http://127.0.0.1/a", "https://one.test/", false),
    ("http://localhost:80/a", "http://127.0.0.1:80/", true), ("http://one.test/", "http://one.test/", false),
    ("https://one.test/", "http://localhost/", true), ("http://127.0.0.1.one.test/", "http://localhost/", false),
  ])
  func redirectsStayOnHTTPS(to target: String, from origin: String, permitted: Bool) throws {
    #expect(HTTPDownload.permits(try url(target), from: try url(origin)) == permitted)
  }

  @Test(arguments: ["http://one.test/labels.gz", "ftp://one.test/labels.gz", "file:///etc/hosts"])
  func anythingButHTTPSIsRefusedUnasked(text: String) throws {
    let address = try url(text)
    #expect(throws: TransportError("only https is allowed")) {
      try httpsTransport(address, 1000) { _, _ in }
    }
  }

  /// In a process of its own, whose processor time is that of the download alone: silent before and after the head, which
  /// is also told apart from a download that is never given up.
  @Test(.enabled(if: !isSanitized, "a sanitizer takes time of its own"), arguments: [false, true])
  func waitingForASilentServerTakesNextToNoProcessorTime(afterHead: Bool) async throws {
    let server = try LocalServer { client in
      if afterHead { client.head("200 OK", "Content-Length: 3") }
      client.waitUntilGone()
    }
    await #expect(processExitsWith: .success) { [address = server.mirror as String] in
      let url = try #require(URL(string: address))
      let start = ContinuousClock.now
      let clock = clock()
      let error = #expect(throws: TransportError.self) {
        try makeTransport(window: .seconds(4))(url, 1000) { _, _ in }
      }
      let share = Double(Glibc.clock() - clock) / Double(CLOCKS_PER_SEC) / (start.duration(to: .now) / .seconds(1))
      #expect(error?.reason == "nothing arrived for 4.0 seconds" && share < 0.2, "\(share) of a core")
    }
  }

  @Test func aClosedPortOfThisMachineIsUnreachable() throws {
    let address = try url("http://127.0.0.1:1/labels.gz")
    let error = #expect(throws: TransportError.self) { try httpsTransport(address, 1000) { _, _ in } }
    #expect(error?.isUnreachable == true && error?.reason == "cannot connect")
  }
}
