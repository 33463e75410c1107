import Foundation
import Synchronization

/// Ctrl-C (SIGINT), SIGTERM and a closed terminal (SIGHUP): while work goes on that can be stopped between two steps, the
/// first of them is only noted, and the work asks for it. A second one, or one at any other time, ends the process at
/// once. But a terminal that is closed says so twice, by the system and by its shell: SIGHUP is never a second one.
///
/// A handler needs no thread, which there may be none to be had, and interrupts a step that takes long.
struct Interruption {
  private static let signals = [SIGINT, SIGTERM, SIGHUP]
  private static let notNoting: Int32 = -1
  private static let noting: Int32 = 0
  /// One of these two, or the signal that was noted. Global, since a handler reaches nothing else.
  private static let state = Atomic(notNoting)

  /// The signal that was noted.
  var signal: Int32? {
    let state = Self.state.load(ordering: .relaxed)
    return state > Self.noting ? state : nil
  }

  /// What was ignored when the process began, as by `nohup`, stays ignored; what was blocked by the thread that started
  /// it does not stay blocked.
  init() {
    // So that the handler finds it made.
    Self.state.store(Self.notNoting, ordering: .relaxed)
    var set = sigset_t()
    sigemptyset(&set)
    for number in Self.signals {
      if Self.isIgnoring(Glibc.signal(number, Self.handle)) { Glibc.signal(number, SIG_IGN) }
      sigaddset(&set, number)
    }
    pthread_sigmask(SIG_UNBLOCK, &set, nil)
  }

  /// Runs `work`, which may be stopped by a signal if it asks for it.
  func noting<Result>(_ work: () throws -> Result) rethrows -> Result {
    Self.replace(Self.notNoting, by: Self.noting)
    defer { Self.replace(Self.noting, by: Self.notNoting) }
    return try work()
  }

  /// The exit status by which a shell knows that a signal ended a process.
  static func status(of signal: Int32) -> Int32 { 128 + signal }

  /// Calls nothing that may not be called in the middle of anything else.
  private static let handle: @convention(c) (Int32) -> Void = { number in
    let isNoted = replace(noting, by: number)
    guard isNoted || number == SIGHUP && state.load(ordering: .relaxed) != notNoting else { _exit(status(of: number)) }
  }

  @discardableResult
  private static func replace(_ old: Int32, by new: Int32) -> Bool {
    state.compareExchange(expected: old, desired: new, ordering: .relaxed).exchanged
  }

  private static func isIgnoring(_ handler: sighandler_t?) -> Bool {
    unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }
}
