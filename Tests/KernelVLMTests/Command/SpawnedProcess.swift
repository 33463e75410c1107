import Foundation
import Testing

/// A process that begins as one that a shell starts: no signal is blocked or ignored. The threads that run tests block
/// nearly all of them, and `Process` passes that on.
final class SpawnedProcess {
  private let identifier: pid_t
  private let start = ContinuousClock.now
  private let limit: Duration
  /// The exit status, or minus the signal that ended it; nil while it runs.
  private var status: Int32?

  /// Starts `words[0]`, with standard input empty, in a process group of its own.
  init(
    _ words: [String], _ environment: [String: String], output: String, errors: String, limit: Duration
  ) throws {
    self.limit = limit
    var actions = posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    defer {
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    for (descriptor, path) in [(STDOUT_FILENO, output), (STDERR_FILENO, errors)] {
      // The file is there at once, for those who look into it.
      try write([], to: path)
      posix_spawn_file_actions_addopen(&actions, descriptor, path, O_WRONLY, 0)
    }
    for name in try names(in: "/proc/self/fd") {
      if let descriptor = Int32(name), descriptor > STDERR_FILENO {
        posix_spawn_file_actions_addclose(&actions, descriptor)
      }
    }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))

    var arguments = words.map { strdup($0) } + [nil]
    var variables = environment.map { strdup("\($0)=\($1)") } + [nil]
    defer { for string in arguments + variables { free(string) } }
    var identifier: pid_t = 0
    try #require(posix_spawn(&identifier, words[0], &actions, &attributes, &arguments, &variables) == 0)
    self.identifier = identifier
  }

  /// Whether it runs; once it has run for longer than its limit, it and what it has started are killed.
  var isRunning: Bool {
    guard status == nil else { return false }
    if start.duration(to: .now) > limit { kill(-identifier, SIGKILL) }
    var state: Int32 = 0
    guard waitpid(identifier, &state, WNOHANG) == identifier else { return true }
    let signal = state & 0x7f
    status = signal == 0 ? state >> 8 & 0xff : -signal
    return false
  }

  func send(_ signal: Int32) {
    if isRunning { kill(identifier, signal) }
  }

  /// The status at its end.
  func wait() throws -> Int32 {
    while isRunning { usleep(1000) }
    #expect(start.duration(to: .now) <= limit, "it ran for longer than \(limit)")
    return try #require(status)
  }
}
