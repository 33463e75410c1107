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

  @Test func aClosedPortOfThisMachineIsUnreachable() throws {
    let address = try url("http://127.0.0.1:1/labels.gz")
    let error = #expect(throws: TransportError.self) { try httpsTransport(address, 1000) { _, _ in } }
    #expect(error?.isUnreachable == true && error?.reason == "cannot connect")
  }
}
