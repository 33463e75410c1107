import Foundation
import Synchronization

/// Ctrl-C (SIGINT) and SIGTERM: while work goes on that can be stopped between two steps, the first one is only noted,
/// and the work asks for it. A second one, or one at any other time, ends the process at once.
///
/// The signals are blocked and a thread waits for them, so no handler runs in the middle of anything. Threads inherit
/// what is blocked from the one that creates them: make this before there are any.
final class Interruption: Sendable {
  private struct State {
    var isNoting = false
    var signal: Int32?
  }

  private let state = Mutex(State())

  /// The signal that was noted.
  var signal: Int32? { state.withLock { $0.signal } }

  init() {
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in [SIGINT, SIGTERM] { sigaddset(&signals, number) }
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    Thread.detachNewThread { [signals] in self.wait(for: signals) }
  }

  /// Runs `work`, which may be stopped by a signal if it asks for it.
  func noting<Result>(_ work: () throws -> Result) rethrows -> Result {
    state.withLock { $0.isNoting = true }
    defer { state.withLock { $0.isNoting = false } }
    return try work()
  }

  /// The exit status by which a shell knows that a signal ended a process.
  static func status(of signal: Int32) -> Int32 { 128 + signal }

  private func wait(for signals: sigset_t) {
    var signals = signals
    var number: Int32 = 0
    while sigwait(&signals, &number) == 0 {
      state.withLock { state in
        guard state.isNoting, state.signal == nil else { _exit(Self.status(of: number)) }
        state.signal = number
      }
    }
  }
}
