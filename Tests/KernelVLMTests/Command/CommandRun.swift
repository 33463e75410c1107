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

  /// No run takes so long, under a sanitizer either: it hangs.
  private static let limit = Duration.seconds(600)

  /// Runs to the end, with the signals as a shell has them.
  /// - Parameters:
  ///   - environment: what to set besides; KERNELVLM_DATA is not passed on.
  ///   - signal: what to send as soon as standard error contains `cue`.
  ///   - delay: microseconds to wait before it is sent.
  ///   - second: what to send a while after that.
  ///   - addressSpace: how many MiB of it there are.
  ///   - shell: a script that runs it, as `"$0" "$@"`.
  init(
    _ arguments: [String], environment: [String: String] = [:], signal: (number: Int32, cue: String)? = nil,
    delay: useconds_t = 0, second: Int32? = nil, addressSpace: Int? = nil, shell: String? = nil
  ) throws {
    var words = [Self.executable.path] + arguments
    if let script = shell ?? addressSpace.map({ "ulimit -v \($0 << 10); exec \"$0\" \"$@\"" }) {
      words = ["/bin/sh", "-c", script] + words
    }
    let variables = ProcessInfo.processInfo.environment
      .merging(["KERNELVLM_DATA": "", "PATH": Self.searchPath]) { _, ours in ours }
      .merging(environment) { _, new in new }
    // Files, not pipes: nobody need read them while the command runs.
    (status, output, errors) = try withTemporaryFolder { folder in
      let (output, errors) = ("\(folder)/stdout", "\(folder)/stderr")
      let process = try SpawnedProcess(words, variables, output: output, errors: errors, limit: Self.limit)
      if let signal {
        while process.isRunning, try !Self.text(errors).contains(signal.cue) { usleep(2000) }
        usleep(delay)
        process.send(signal.number)
      }
      if let second {
        usleep(300_000)
        process.send(second)
      }
      return (try process.wait(), try Self.text(output), try Self.text(errors))
    }
  }

  init(_ arguments: String...) throws { try self.init(arguments) }

  /// Standard output as the one JSON object that it must be.
  func json() throws -> [String: Any] {
    #expect(output.hasPrefix("{") && output.hasSuffix("}\n") && output.filter { $0 == "\n" }.count == 1)
    return try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
  }

  private static func text(_ path: String) throws -> String {
    String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
  }
}
