import Foundation
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

/// `data fetch` from servers of this machine.
@Suite struct FetchCommandTests {
  private static let environment = ["no_proxy": "127.0.0.1"]
  /// Fetches that are killed at a random moment; more of them with KERNELVLM_KILLS in the environment.
  private static let kills = ProcessInfo.processInfo.environment["KERNELVLM_KILLS"].flatMap { Int($0) } ?? 5

  /// MNIST's files as a mirror has them, slowly enough for a kill to hit somewhere in between.
  private func mnistServer(_ folder: String) throws -> LocalServer {
    var files: [String: [UInt8]] = [:]
    for file in MNIST.files {
      let path = try #require(IDX.existingFile(file.path(in: folder)))
      files["/mnist/\(file.name).gz"] = try readFile(at: path, sizeLimit: 1 << 26)
    }
    return try LocalServer { [files] client in
      guard let file = files[client.path] else { return client.head("404 Not Found") }
      client.head("200 OK", "Content-Length: \(file.count)")
      for start in stride(from: 0, to: file.count, by: 1 << 20) {
        client.send(Array(file[start..<min(start + 1 << 20, file.count)]))
        usleep(2000)
      }
    }
  }

  private func fetch(_ mirrors: String..., to folder: String, signal: (Int32, String)? = nil) throws -> CommandRun {
    try CommandRun(
      ["data", "fetch", "--to", folder] + mirrors.flatMap { ["--mirror", $0] }, environment: Self.environment,
      signal: signal)
  }

  @Test func mirrorsThatAllFailAreNamedAndTheStatusIs69() throws {
    let server = try LocalServer { $0.head("503 Service Unavailable") }
    try withTemporaryFolder { folder in
      let run = try fetch(
        server.mirror, LocalServer.closedMirror(), "ftp://127.0.0.1/", to: "\(folder)/mnist")
      #expect(run.status == 69 && run.output.isEmpty)
      for reason in [":\(server.port): HTTP status 503; ", ": cannot connect; ", "127.0.0.1: only https is allowed"] {
        #expect(run.errors.contains(reason), "\(run.errors)")
      }
      #expect(!FileManager.default.fileExists(atPath: "\(folder)/mnist"))
    }
  }

  /// Not even those that Foundation would make for caches and cookies.
  @Test func aFetchThatFailsLeavesNoFolder() throws {
    let server = try LocalServer { $0.head("503 Service Unavailable") }
    try withTemporaryFolder { folder in
      let run = try CommandRun(
        ["data", "fetch", "--mirror", server.mirror],
        environment: Self.environment.merging(["HOME": folder, "XDG_CACHE_HOME": "", "XDG_DATA_HOME": ""]) { $1 })
      #expect(run.status == 69 && run.errors.contains("\(folder)/.cache/kernelvlm/mnist/"), "\(run.errors)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
    }
  }

  @Test func aPlaceThatCannotBeWrittenIsRefusedUnasked() throws {
    let server = try LocalServer { $0.head("503 Service Unavailable") }
    try withTemporaryFolder { folder in
      try write([], to: "\(folder)/file")
      for place in ["\(folder)/file", "\(folder)/file/mnist", "/proc/mnist", ""] {
        let run = try fetch(server.mirror, to: place)
        #expect(run.status == 73 && run.errors.contains(": expected a folder to write to, found: "), "\(run.errors)")
      }
      #expect(server.paths.isEmpty)
    }
  }

  @Test func whatIsNotMNISTIsNotKept() throws {
    let server = try LocalServer { $0.content(storedGzip(idxFile([2, 28, 28], [UInt8](repeating: 7, count: 1568)))) }
    try withTemporaryFolder { folder in
      let run = try fetch(server.mirror, to: "\(folder)/mnist")
      #expect(run.status == 69 && run.errors.contains("expected MNIST, content of SHA-256 "))
      #expect(!FileManager.default.fileExists(atPath: "\(folder)/mnist"))
    }
  }

  /// The server has no certificate that anybody vouches for.
  @Test func aServerWithoutATrustedCertificateIsRefused() throws {
    try withTemporaryFolder { folder in
      let (server, mirror) = try tlsServer(folder)
      defer { server.terminate() }
      let run = try fetch(mirror, to: "\(folder)/mnist")
      #expect(run.status == 69 && run.errors.lowercased().contains("certificate"), "\(run.errors)")
    }
  }

  @Test func aDownloadThatIsKilledLeavesNothing() throws {
    let server = try LocalServer { client in
      client.head("200 OK", "Content-Length: 9000000")
      client.send([UInt8](repeating: 1, count: 4_000_000))
      client.waitUntilGone()
    }
    try withTemporaryFolder { folder in
      let run = try fetch(server.mirror, to: "\(folder)/mnist", signal: (SIGKILL, "Downloading "))
      #expect(run.status == -SIGKILL)
      #expect(!FileManager.default.fileExists(atPath: "\(folder)/mnist"))
    }
  }

  @Test(.enabled(if: MNISTAvailability.isPresent, MNISTAvailability.reason))
  func killsAtRandomMomentsLeaveWholeFilesAndTheNextFetchGoesOn() throws {
    let source = try #require(MNISTAvailability.folder)
    let server = try mnistServer(source)
    let names = Set(MNIST.files.map { $0.name + ".gz" })
    try withTemporaryFolder { root in
      let folder = "\(root)/mnist"
      var hits = 0
      for _ in 0..<Self.kills {
        let status = try killedFetch(server.mirror, to: folder)
        if status == -SIGKILL { hits += 1 } else { #expect(status == 0) }
        var present = Set((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
        present = present.filter { !$0.hasPrefix(".kernelvlm-") }
        #expect(present.isSubset(of: names))
        for name in present {
          let file = try #require(MNIST.files.first { "\($0.name).gz" == name })
          #expect(try IDX(path: "\(folder)/\(name)", rank: file.rank).sha256 == file.sha256)
        }
        if present == names || Bool.random() { try? FileManager.default.removeItem(atPath: folder) }
      }
      print("\(hits) of \(Self.kills) fetches were killed before their end")
      #expect(try fetch(server.mirror, to: folder).status == 0)
      let left = Set(
        try FileManager.default.contentsOfDirectory(atPath: folder).filter { !$0.hasPrefix(".kernelvlm-") })
      #expect(left == names)
      #expect(try DataSource.folder(folder).load().name == .mnist)
    }
  }

  @Test(.enabled(if: MNISTAvailability.isPresent, MNISTAvailability.reason))
  func twoCommandsAtOnceLeaveMNISTAndNothingElse() async throws {
    let server = try mnistServer(try #require(MNISTAvailability.folder))
    try await withScratchFolder { folder in
      let runs = try await withThrowingTaskGroup(of: CommandRun.self) { group in
        for _ in 0..<2 { group.addTask { try fetch(server.mirror, to: "\(folder)/mnist") } }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(runs.map(\.status) == [0, 0])
      #expect(try names(in: "\(folder)/mnist") == MNIST.files.map { $0.name + ".gz" }.sorted())
      #expect(try DataSource.folder("\(folder)/mnist").load().name == .mnist)
    }
  }

  /// The status of a fetch that is killed some time after its start, or is done before.
  private func killedFetch(_ mirror: String, to folder: String) throws -> Int32 {
    let process = Process()
    process.executableURL = CommandRun.executable
    process.arguments = ["data", "fetch", "--to", folder, "--mirror", mirror]
    process.environment = ProcessInfo.processInfo.environment.merging(Self.environment) { $1 }
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    usleep(.random(in: 0..<1_000_000))
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    return process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
  }

  /// `openssl s_server` with a certificate of its own making, and the mirror that it is.
  private func tlsServer(_ folder: String) throws -> (Process, mirror: String) {
    func openssl(_ arguments: String...) throws -> (Process, FileHandle) {
      let process = Process()
      let output = Pipe()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = ["openssl"] + arguments
      process.currentDirectoryURL = URL(fileURLWithPath: folder)
      process.standardInput = Pipe()
      process.standardOutput = output
      process.standardError = FileHandle.nullDevice
      try process.run()
      return (process, output.fileHandleForReading)
    }
    let (maker, _) = try openssl(
      "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "certificate", "-subj",
      "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2")
    maker.waitUntilExit()
    let (server, output) = try openssl(
      "s_server", "-accept", "127.0.0.1:0", "-cert", "certificate", "-key", "key", "-WWW")
    // "ACCEPT 127.0.0.1:41234"
    var said = ""
    while !said.contains(/ACCEPT.*:\d+\n/) {
      let data = output.availableData
      try #require(!data.isEmpty, "openssl s_server: \(said)")
      said += String(decoding: data, as: UTF8.self)
    }
    let port = try #require(said.firstMatch(of: /ACCEPT.*:(\d+)\n/)?.1)
    return (server, "https://localhost:\(port)/")
  }
}
