import Foundation
import Testing

/// One run of the built command, in a process of its own.
struct CommandRun {
  /// The exit status, or minus the signal that ended it.
  let status: Int32
  let output: String
  let errors: String

  /// The command, which is built beside the tests.
  static let executable = Bundle.module.bundleURL.deletingLastPathComponent().appendingPathComponent(
    "kernelvlm")

  /// The PATH of commands that tests start, which leads to it.
  static let searchPath =
    executable.deletingLastPathComponent().path + ":"
    + (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin")

  /// Runs to the end.
  /// - Parameters:
  ///   - environment: what to set besides; KERNELVLM_DATA is not passed on.
  ///   - signal: what to send as soon as standard error contains `cue`.
  ///   - delay: microseconds to wait before it is sent.
  ///   - addressSpace: how many MiB of it there are.
  ///   - shell: a script that runs it, as `"$0" "$@"`.
  init(
    _ arguments: [String], environment: [String: String] = [:], signal: (number: Int32, cue: String)? = nil,
    delay: useconds_t = 0, addressSpace: Int? = nil, shell: String? = nil
  ) throws {
    let process = Process()
    if let script = shell ?? addressSpace.map({ "ulimit -v \($0 << 10); exec \"$0\" \"$@\"" }) {
      process.executableURL = URL(fileURLWithPath: "/bin/sh")
      process.arguments = ["-c", script, Self.executable.path] + arguments
    } else {
      process.executableURL = Self.executable
      process.arguments = arguments
    }
    process.environment = ProcessInfo.processInfo.environment
      .merging(["KERNELVLM_DATA": "", "PATH": Self.searchPath]) { _, ours in ours }
      .merging(environment) { _, new in new }
    process.standardInput = FileHandle.nullDevice
    // Files, not pipes: nobody need read them while the command runs.
    (output, errors) = try withTemporaryFolder { folder in
      let (output, errors) = ("\(folder)/stdout", "\(folder)/stderr")
      process.standardOutput = try Self.created(output)
      process.standardError = try Self.created(errors)
      try process.run()
      if let signal {
        while process.isRunning, try !Self.text(errors).contains(signal.cue) { usleep(2000) }
        usleep(delay)
        if process.isRunning { kill(process.processIdentifier, signal.number) }
      }
      process.waitUntilExit()
      return (try Self.text(output), try Self.text(errors))
    }
    status = process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
  }

  init(_ arguments: String...) throws { try self.init(arguments) }

  /// Standard output as the one JSON object that it must be.
  func json() throws -> [String: Any] {
    #expect(output.hasPrefix("{") && output.hasSuffix("}\n") && output.filter { $0 == "\n" }.count == 1)
    return try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
  }

  private static func created(_ path: String) throws -> FileHandle {
    try Data().write(to: URL(fileURLWithPath: path))
    return try #require(FileHandle(forWritingAtPath: path))
  }

  private static func text(_ path: String) throws -> String {
    String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
  }
}
