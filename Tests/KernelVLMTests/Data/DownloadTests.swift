import Foundation
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// Downloads from servers of this machine that go wrong, by the transport that MNIST comes by.
struct DownloadTests {
  static let labels = idxFile([4000], [UInt8](repeating: 3, count: 4000))
  static let content = storedGzip(labels)
  static let file = MNIST.File(name: "labels", sha256: sha256Hex(of: labels), rank: 1, byteCount: labels.count)

  /// Patient, because a busy machine may stop a test for minutes.
  static let patient = makeTransport(window: .seconds(600))
  /// For servers that never would be done.
  static let impatient = makeTransport(window: .milliseconds(300), leastBytes: 2000)

  /// What a server does instead of its work, and what must be said about it.
  enum Fault: String, CaseIterable {
    case truncated, tooLongALength, tooShortALength, truncatedWithoutLength, truncatedChunks
    case otherContent, page, empty, notFound, serverError, partialContent, noContent, notHTTP
    case redirectToHTTP, redirectToFile, redirectNowhere, redirectLoop
    case closed, closedAfterHead, down, silent, silentAfterHead, drip, endlessHead
    case oversized, endless, bomb

    var transport: Transport {
      switch self {
      case .silent, .silentAfterHead, .drip, .endlessHead: DownloadTests.impatient
      default: DownloadTests.patient
      }
    }

    var reason: String {
      let limit = DownloadTests.file.greatestDownload
      return switch self {
      case .truncated: "transfer closed with 2031 bytes remaining to read"
      case .tooLongALength: "transfer closed with 9 bytes remaining to read"
      case .truncatedChunks: "transfer closed with outstanding read data remaining"
      // An empty reply or a reset connection: which of them is a matter of time.
      case .closed: "127.0.0.1:"
      case .notHTTP: "Received HTTP/0.9 when not allowed"
      case .tooShortALength, .truncatedWithoutLength: "labels.gz: expected 4008 bytes of content, found 1985, truncated"
      case .otherContent: "labels.gz: expected MNIST, content of SHA-256 \(DownloadTests.file.sha256), found "
      case .page: "labels.gz: expected magic 2049 (0x00000801: unsigned bytes, rank 1), found an HTML page: "
      case .empty, .closedAfterHead:
        "labels.gz: expected magic 2049 (0x00000801: unsigned bytes, rank 1), found an empty "
      case .notFound: "HTTP status 404"
      case .serverError: "HTTP status 500"
      case .partialContent: "HTTP status 206"
      case .noContent: "HTTP status 204"
      case .redirectToHTTP: "redirected to http://192.0.2.1/labels.gz, only https is allowed"
      case .redirectNowhere: "no answer"
      // The path of a file is asked of the server, which says the same again.
      case .redirectLoop, .redirectToFile: "redirected more than 8 times"
      case .down: "cannot connect"
      case .silent, .silentAfterHead, .endlessHead: "nothing arrived for 0.3 seconds"
      // Or that nothing arrived, if not even the first byte comes in time.
      case .drip: " 0.3 seconds"
      case .oversized: "expected at most \(limit) bytes, found 1000000000000"
      case .endless, .bomb: "expected at most \(limit) bytes, found more"
      }
    }

    func answer(_ client: LocalServer.Connection) {
      let content = DownloadTests.content
      let half = Array(content[..<2000])
      let length = "Content-Length: \(content.count)"
      switch self {
      case .truncated: client.head("200 OK", length); client.send(half)
      case .tooLongALength: client.head("200 OK", "Content-Length: \(content.count + 9)"); client.send(content)
      case .tooShortALength: client.head("200 OK", "Content-Length: 2000"); client.send(content)
      case .truncatedWithoutLength: client.head("200 OK"); client.send(half)
      case .truncatedChunks: client.head("200 OK", "Transfer-Encoding: chunked"); client.send("1000\r\nhalf of it")
      case .otherContent: client.content(storedGzip(idxFile([4], [1, 2, 4, 5])))
      case .page: client.content(Array("<html>Please log in to this network.</html>".utf8))
      case .empty: client.content([])
      case .notFound: client.head("404 Not Found", length); client.send(content)
      case .serverError: client.head("500 Internal Server Error"); client.send(content)
      case .partialContent: client.head("206 Partial Content", length); client.send(content)
      case .noContent: client.head("204 No Content")
      case .notHTTP: client.send("SSH-2.0-OpenSSH_9.2\r\n")
      case .redirectToHTTP: client.head("302 Found", "Location: http://192.0.2.1/labels.gz")
      case .redirectToFile: client.head("302 Found", "Location: file:///etc/passwd")
      case .redirectNowhere: client.head("302 Found", length); client.send(content)
      case .redirectLoop: client.head("302 Found", "Location: \(client.path)?again")
      case .closed, .down: break
      case .closedAfterHead: client.head("200 OK")
      case .silent: client.waitUntilGone()
      case .silentAfterHead: client.head("200 OK", length); client.waitUntilGone()
      case .drip: client.head("200 OK", length); client.repeatUntilGone([0], every: 20_000, limit: 1_000_000)
      case .endlessHead:
        client.send("HTTP/1.1 200 OK\r\n")
        client.repeatUntilGone(Array("X-Again: again\r\n".utf8), every: 1000, limit: 1 << 24)
      case .oversized: client.head("200 OK", "Content-Length: 1000000000000"); client.send(content)
      case .endless:
        client.head("200 OK", "Transfer-Encoding: chunked")
        let chunk = Array("10000\r\n".utf8) + [UInt8](repeating: 0, count: 1 << 16) + Array("\r\n".utf8)
        #expect(client.repeatUntilGone(chunk, every: 1000, limit: 1 << 30), "the client has not gone")
      case .bomb:
        // 64 KiB of zeros, which the client unpacks by itself.
        client.head("200 OK", "Content-Encoding: gzip")
        client.send(storedGzip([UInt8](repeating: 0, count: 65_535)))
      }
    }

    /// A mirror with this fault, and what keeps it there.
    func mirror() throws -> (url: String, server: LocalServer?) {
      if self == .down { return (try LocalServer.closedMirror(), nil) }
      let server = try LocalServer(readsRequest: self != .closed, answer)
      return (server.mirror, server)
    }
  }

  private func listing(_ folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
  }

  @Test(arguments: Fault.allCases) func afterAFaultTheNextMirrorIsAsked(fault: Fault) throws {
    let bad = try fault.mirror()
    let good = try LocalServer { $0.content(Self.content) }
    try withTemporaryFolder { folder in
      // Only the bad one has little time.
      let transport: Transport = { (url, limit, progress) throws(TransportError) in
        try (url.port == Int(good.port) ? Self.patient : fault.transport)(url, limit, progress)
      }
      try MNIST.fetch(
        [Self.file], into: folder, mirrors: [bad.url, good.mirror], transport: transport, patience: .seconds(600))
      #expect(listing(folder) == ["labels.gz"])
      #expect(try IDX(path: "\(folder)/labels", rank: 1).sha256 == Self.file.sha256)
      #expect(good.paths == ["/mnist/labels.gz"])
    }
  }

  @Test(arguments: Fault.allCases) func withoutAGoodMirrorEachIsNamedWithItsReason(fault: Fault) throws {
    let bad = try (fault.mirror(), fault.mirror())
    try withTemporaryFolder { folder in
      let mirrors = [bad.0.url, bad.1.url]
      let error = fileError {
        try MNIST.fetch(
          [Self.file], into: folder, mirrors: mirrors, transport: fault.transport, patience: .seconds(600))
      }
      #expect(error?.kind == .unavailable && error?.path == "\(folder)/labels.gz")
      let problem = error?.problem ?? ""
      for mirror in mirrors {
        let host = mirror.dropFirst("http://".count).prefix { $0 != "/" }
        #expect(problem.contains(host), "\(problem)")
      }
      #expect(problem.ranges(of: fault.reason).count == 2, "\(problem)")
      #expect(listing(folder).isEmpty)
    }
  }

  @Test func aRedirectWithinTheRulesIsFollowed() throws {
    let server = try LocalServer { client in
      client.path == "/else/where" ? client.content(Self.content) : client.head("302 Found", "Location: /else/where")
    }
    try withTemporaryFolder { folder in
      try MNIST.fetch([Self.file], into: folder, mirrors: [server.mirror], transport: Self.patient)
      #expect(server.paths == ["/mnist/labels.gz", "/else/where"])
      #expect(listing(folder) == ["labels.gz"])
    }
  }

  /// The delegate's own answer, since no server here has a certificate that is trusted.
  @Test func aRedirectFromHTTPSToHTTPIsRefused() async throws {
    let origin = try #require(URL(string: "https://one.test/labels.gz"))
    let session = URLSession(configuration: .ephemeral)
    defer { session.invalidateAndCancel() }
    let response = try #require(HTTPURLResponse(url: origin, statusCode: 302, httpVersion: nil, headerFields: nil))
    for (target, isFollowed) in [
      ("http://one.test/", false), ("http://127.0.0.1/", false), ("https://two.test/", true),
    ] {
      let download = HTTPDownload(limit: 1, progress: { _, _ in })
      let request = URLRequest(url: try #require(URL(string: target)))
      let followed = await withCheckedContinuation { continuation in
        download.urlSession(
          session, task: session.dataTask(with: origin), willPerformHTTPRedirection: response, newRequest: request
        ) { continuation.resume(returning: $0 != nil) }
      }
      #expect(followed == isFollowed, "\(target)")
    }
  }

  /// A partial file of a process that was killed is removed; under another name it is nobody's; under the file's own name
  /// it is refused and kept.
  @Test func aPartialFileIsNeverTakenForAWholeOne() throws {
    let server = try LocalServer { $0.content(Self.content) }
    let half = Array(Self.content[..<2000])
    try withTemporaryFolder { folder in
      for name in [".kernelvlm-1abc.tmp", "labels.gz.part"] { try write(half, to: "\(folder)/\(name)") }
      try MNIST.fetch([Self.file], into: folder, mirrors: [server.mirror], transport: Self.patient)
      #expect(listing(folder) == ["labels.gz", "labels.gz.part"])
      for (name, bytes) in [("labels.gz", half), ("labels", Array(Self.labels[..<2000]))] {
        try FileManager.default.removeItem(atPath: "\(folder)/labels.gz")
        try write(bytes, to: "\(folder)/\(name)")
        let error = fileError {
          try MNIST.fetch([Self.file], into: folder, mirrors: [server.mirror], transport: Self.patient)
        }
        #expect(error?.kind == .malformed && error?.path == "\(folder)/\(name)")
      }
      #expect(server.paths.count == 1)
    }
  }

  /// Each in a process of its own, both from a slow server, so that they overlap.
  @Test func twoProcessesAtOnceLeaveWholeFilesAndNothingElse() async throws {
    let server = try LocalServer { client in
      client.head("200 OK", "Content-Length: \(Self.content.count)")
      for start in stride(from: 0, to: Self.content.count, by: 100) {
        client.send(Array(Self.content[start..<min(start + 100, Self.content.count)]))
        usleep(2000)
      }
    }
    try await withScratchFolder { folder async throws in
      func fetch() async {
        await #expect(processExitsWith: .success) { [folder = folder as String, mirror = server.mirror as String] in
          let error = fileError { () throws(FileError) in
            try MNIST.fetch(
              [DownloadTests.file], into: folder + "/cache", mirrors: [mirror], transport: DownloadTests.patient)
          }
          exit(error == nil ? 0 : 1)
        }
      }
      async let one: Void = fetch()
      async let two: Void = fetch()
      _ = await (one, two)
      #expect(try names(in: folder + "/cache") == ["labels.gz"])
      #expect(try readFile(at: folder + "/cache/labels.gz", sizeLimit: 1 << 20) == Self.content)
    }
  }
}
