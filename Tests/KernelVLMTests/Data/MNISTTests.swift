import Foundation
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

struct MNISTLocateTests {
  private func makeFiles(_ folder: String, suffix: String = "", without missing: String? = nil) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for file in MNIST.files where file.name != missing { try write([], to: file.path(in: folder) + suffix) }
  }

  @Test func theNamedFolderComesBeforeTheEnvironmentBeforeTheCache() throws {
    try withTemporaryFolder { root in
      let cache = "\(root)/kernelvlm/mnist"
      let environment = ["KERNELVLM_DATA": "\(root)/b", "XDG_CACHE_HOME": root]
      try makeFiles("\(root)/a")
      try makeFiles("\(root)/b", suffix: ".gz")
      #expect(try DataSource.resolve("\(root)/a", environment: environment) == .folder("\(root)/a"))
      #expect(try DataSource.resolve(nil, environment: environment) == .folder("\(root)/b"))
      let withoutVariable = ["KERNELVLM_DATA": "", "XDG_CACHE_HOME": root]
      #expect(DataSource.name(nil, environment: withoutVariable) == nil)
      #expect(try MNIST.locate(folder: nil, environment: withoutVariable) == .incomplete(cache: cache))
      try makeFiles(cache)
      #expect(try MNIST.locate(folder: nil, environment: withoutVariable) == .complete(cache))
      #expect(try DataSource.resolve(nil, environment: withoutVariable) == .folder(cache))
    }
  }

  @Test func drawnIsNamedByTheVariableAsByTheOption() throws {
    let drawn = DataSource.drawn(seed: DrawnDigits.defaultSeed)
    #expect(try DataSource.resolve(nil, environment: ["KERNELVLM_DATA": "drawn"]) == drawn)
    #expect(try DataSource.resolve("drawn", environment: ["KERNELVLM_DATA": "/nowhere"]) == drawn)
    let error = fileError { _ = try DataSource.resolve("/nowhere", environment: ["KERNELVLM_DATA": "drawn"]) }
    #expect(error?.kind == .missing && error?.path == "/nowhere")
  }

  @Test func theCacheFolderFollowsTheBaseDirectorySpecification() {
    #expect(
      MNIST.cacheFolder(environment: ["XDG_CACHE_HOME": "/c", "HOME": "/home/u"]) == "/c/kernelvlm/mnist")
    #expect(
      MNIST.cacheFolder(environment: ["XDG_CACHE_HOME": "relative", "HOME": "/home/u"])
        == "/home/u/.cache/kernelvlm/mnist")
    #expect(MNIST.cacheFolder(environment: ["HOME": "/home/u"]) == "/home/u/.cache/kernelvlm/mnist")
    #expect(MNIST.cacheFolder(environment: ["HOME": ""]) == "\(NSHomeDirectory())/.cache/kernelvlm/mnist")
  }

  @Test(arguments: MNIST.files.map(\.name)) func aNamedFolderThatLacksAFileIsAnErrorNamingIt(name: String) throws {
    try withTemporaryFolder { root in
      try makeFiles("\(root)/a", without: name)
      let error = fileError { _ = try MNIST.locate(folder: "\(root)/a", environment: [:]) }
      #expect(error?.kind == .missing && error?.path == "\(root)/a")
      #expect(
        error?.problem.hasPrefix("expected \(name), each raw or .gz, here or in MNIST/raw or raw, found ") == true)
      #expect(throws: try #require(error)) {
        try DataSource.resolve(nil, environment: ["KERNELVLM_DATA": "\(root)/a"])
      }
    }
  }

  @Test func resolvingNeverDownloadsForANamedFolderOrDrawnDigits() throws {
    let transport: Transport = { (_, _, _) throws(TransportError) in
      Issue.record("asked the network")
      throw TransportError("none")
    }
    #expect(
      try DataSource.resolve("drawn", environment: [:], transport: transport)
        == .drawn(seed: DrawnDigits.defaultSeed))
    let error = fileError { _ = try DataSource.resolve("/nonexistent", environment: [:], transport: transport) }
    #expect(error?.kind == .missing)
  }
}

struct MNISTFetchTests {
  /// Two small files in place of MNIST's four, and what a mirror answers for them.
  private let contents = ["labels": storedGzip(idxFile([3], [1, 2, 3])), "more": storedGzip(idxFile([2], [4, 5]))]
  private let files = [
    MNIST.File(name: "labels", sha256: sha256Hex(of: idxFile([3], [1, 2, 3])), rank: 1, byteCount: 11),
    MNIST.File(name: "more", sha256: sha256Hex(of: idxFile([2], [4, 5])), rank: 1, byteCount: 10),
  ]
  private let mirrors = ["https://one.test/mnist/", "https://two.test/"]

  /// Answers with `contents`, changed by host and name.
  private func transport(
    _ answer: @escaping @Sendable (_ host: String, [UInt8]) throws(TransportError) -> [UInt8]
  ) -> Transport {
    { [contents] (url, _, progress) throws(TransportError) in
      let name = url.deletingPathExtension().lastPathComponent
      guard url.pathExtension == "gz", let content = contents[name] else { throw TransportError("HTTP status 404") }
      progress(1, content.count)
      return try answer(url.host ?? "", content)
    }
  }

  private func listing(_ folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
  }

  @Test func whatIsMissingIsDownloadedVerifiedAndLeftWithoutTemporaryFiles() throws {
    try withTemporaryFolder { root in
      let cache = "\(root)/not/yet/there"
      let seen = Seen()
      try MNIST.fetch(
        files, into: cache, mirrors: mirrors, transport: transport { (_, content) in content },
        progress: { seen.append($0) })
      #expect(listing(cache) == ["labels.gz", "more.gz"])
      #expect(try IDX(path: "\(cache)/labels", rank: 1).bytes == [1, 2, 3])
      let totals = contents.mapValues(\.count)
      #expect(
        seen.values == ["labels", "more"].map { .init(file: "\($0).gz", received: 1, total: totals[$0]) })
    }
  }

  @Test func whatIsThereIsNotDownloadedAgain() throws {
    try withTemporaryFolder { root in
      try write(idxFile([3], [1, 2, 3]), to: "\(root)/labels")
      let seen = Seen()
      try MNIST.fetch(
        files, into: root, mirrors: mirrors, transport: transport { (_, content) in content },
        progress: { seen.append($0) })
      #expect(listing(root) == ["labels", "more.gz"] && seen.values.map(\.file) == ["more.gz"])
    }
  }

  @Test func aFileInTheFolderWithOtherContentIsRefusedAndKept() throws {
    try withTemporaryFolder { root in
      try write(idxFile([3], [9, 9, 9]), to: "\(root)/labels")
      let error = fileError {
        try MNIST.fetch(files, into: root, mirrors: mirrors, transport: transport { (_, content) in content })
      }
      #expect(error?.kind == .malformed && error?.path == "\(root)/labels")
      #expect(error?.problem.hasPrefix("expected MNIST, content of SHA-256 \(files[0].sha256), found ") == true)
      #expect(try IDX(path: "\(root)/labels", rank: 1).bytes == [9, 9, 9])
    }
  }

  /// How the first mirror fails, and the reason that must be given for it when the second one fails too.
  enum Fault: String, CaseIterable {
    case down, status, truncated, otherContent, garbage

    func answer(_ content: [UInt8]) throws(TransportError) -> [UInt8] {
      switch self {
      case .down: throw TransportError("cannot connect", isUnreachable: true)
      case .status: throw TransportError("HTTP status 503")
      case .truncated: Array(content.dropLast(5))
      case .otherContent: storedGzip(idxFile([3], [1, 2, 4]))
      case .garbage: Array("<html>not found</html>".utf8)
      }
    }

    var reason: String {
      switch self {
      case .down: "one.test: cannot connect"
      case .status: "one.test: HTTP status 503"
      case .truncated: "https://one.test/mnist/labels.gz: expected a gzip trailer, found the file truncated"
      case .otherContent: "https://one.test/mnist/labels.gz: expected MNIST, content of SHA-256 "
      case .garbage:
        "https://one.test/mnist/labels.gz: expected magic 2049 (0x00000801: unsigned bytes, rank 1), found an HTML page: "
      }
    }
  }

  @Test(arguments: Fault.allCases) func theNextMirrorIsAskedAfterAFault(fault: Fault) throws {
    try withTemporaryFolder { root in
      let transport = transport { (host, content) throws(TransportError) in
        host == "one.test" ? try fault.answer(content) : content
      }
      try MNIST.fetch(files, into: root, mirrors: mirrors, transport: transport)
      #expect(listing(root) == ["labels.gz", "more.gz"])
      #expect(try IDX(path: "\(root)/labels", rank: 1).bytes == [1, 2, 3])
    }
  }

  @Test(arguments: Fault.allCases) func withoutARightMirrorItIsUnavailableAndNothingIsLeft(fault: Fault) throws {
    try withTemporaryFolder { root in
      let transport = transport { (_, content) throws(TransportError) in try fault.answer(content) }
      let error = fileError { try MNIST.fetch(files, into: root, mirrors: mirrors, transport: transport) }
      #expect(error?.kind == .unavailable && error?.path == "\(root)/labels.gz")
      #expect(error?.problem.hasPrefix("expected a download, found: \(fault.reason)") == true)
      #expect(error?.problem.contains("two.test") == true)
      #expect(listing(root).isEmpty)
    }
  }

  @Test func unreachableMirrorsAreGivenUpWhenPatienceIsSpent() throws {
    try withTemporaryFolder { root in
      let transport = transport { (host, content) throws(TransportError) in
        if host == "two.test" { Issue.record("asked a second mirror") }
        throw TransportError("cannot resolve the host", isUnreachable: true)
      }
      let error = fileError {
        try MNIST.fetch(files, into: root, mirrors: mirrors, transport: transport, patience: .nanoseconds(1))
      }
      #expect(error?.problem == "expected a download, found: one.test: cannot resolve the host")
    }
  }

  @Test func aFolderThatCannotBeMadeIsUnwritable() throws {
    try withTemporaryFolder { root in
      try write([], to: "\(root)/file")
      let error = fileError {
        try MNIST.fetch(
          files, into: "\(root)/file/cache", mirrors: mirrors, transport: transport { (_, content) in content })
      }
      #expect(error?.kind == .unwritable && error?.path == "\(root)/file/cache")
    }
  }

  /// Also as root, who may write wherever there is a place.
  @Test(arguments: ["", "file/cache", "link", "link/cache", "loop", "/proc/none", String(repeating: "a", count: 300)])
  func aPlaceThatCannotBeWrittenIsRefusedBeforeTheDownload(place: String) throws {
    try withTemporaryFolder { root in
      try write([], to: "\(root)/file")
      for (link, target) in [("link", "nowhere"), ("loop", "loop")] {
        try FileManager.default.createSymbolicLink(atPath: "\(root)/\(link)", withDestinationPath: target)
      }
      let folder = place.isEmpty || place.hasPrefix("/") ? place : "\(root)/\(place)"
      let transport = transport { (_, content) in
        Issue.record("asked the network")
        return content
      }
      let error = fileError { try MNIST.fetch(files, into: folder, mirrors: mirrors, transport: transport) }
      #expect(error?.kind == .unwritable && error?.path == folder, "\(String(describing: error))")
      #expect(error?.problem.hasPrefix("expected a folder to write to, found: ") == true)
      #expect(listing(root) == ["file", "link", "loop"])
    }
  }

  @Test(.enabled(if: geteuid() != 0, "root writes everywhere"))
  func aFolderWithoutPermissionIsRefusedBeforeTheDownload()
    throws
  {
    try withTemporaryFolder { root in
      try #require(chmod(root, 0o500) == 0)
      defer { chmod(root, 0o700) }
      let transport = transport { (_, content) in
        Issue.record("asked the network")
        return content
      }
      for folder in [root, "\(root)/new/er"] {
        let error = fileError { try MNIST.fetch(files, into: folder, mirrors: mirrors, transport: transport) }
        #expect(error?.problem == "expected a folder to write to, found: Permission denied")
      }
    }
  }

  @Test func aDownloadThatFailsLeavesNoFolder() throws {
    try withTemporaryFolder { root in
      let transport = transport { (_, _) throws(TransportError) in throw TransportError("HTTP status 503") }
      let error = fileError {
        try MNIST.fetch(files, into: "\(root)/a/b", mirrors: mirrors, transport: transport)
      }
      #expect(error?.kind == .unavailable && listing(root).isEmpty)
    }
  }

  @Test func twoFetchesAtOnceBothSucceed() async throws {
    let root = FileManager.default.temporaryDirectory.appendingPathComponent("kernelvlm-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: root) }
    let transport = transport { (_, content) in content }
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 {
        group.addTask {
          (try? MNIST.fetch(files, into: root, mirrors: mirrors, transport: transport)) != nil
        }
      }
      for await succeeded in group { #expect(succeeded) }
    }
    #expect(listing(root) == ["labels.gz", "more.gz"])
  }
}

/// Progress reports, in order.
private final class Seen: @unchecked Sendable {
  private let lock = NSLock()
  private var reports: [MNIST.Progress] = []

  var values: [MNIST.Progress] { lock.withLock { reports } }

  func append(_ report: MNIST.Progress) { lock.withLock { reports.append(report) } }
}
