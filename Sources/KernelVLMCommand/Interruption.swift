import Dispatch
import Foundation
import Synchronization

/// Turns the first Ctrl-C (SIGINT) or SIGTERM into a wish to stop, which the work asks for; a second one ends the process
/// at once. If none came, the signals have their usual effect again when this is released.
final class Interruption {
  private static let signals = [SIGINT, SIGTERM]

  private final class Received: Sendable {
    private let signal = Mutex<Int32?>(nil)

    var first: Int32? { signal.withLock { $0 } }

    func add(_ number: Int32) {
      signal.withLock { signal in
        if signal != nil { _exit(Interruption.status(of: number)) }
        signal = number
      }
    }
  }

  private let received = Received()
  private let sources: [any DispatchSourceSignal]

  /// The exit status by which a shell knows that a signal ended a process.
  static func status(of signal: Int32) -> Int32 { 128 + signal }

  /// The signal that came.
  var signal: Int32? { received.first }

  init() {
    let queue = DispatchQueue(label: "interruption", qos: .userInteractive)
    sources = Self.signals.map { number in
      // A source only watches: without this the process would end before it is asked. On Linux Dispatch then puts a
      // handler of its own here, so this must come first.
      Foundation.signal(number, SIG_IGN)
      return DispatchSource.makeSignalSource(signal: number, queue: queue)
    }
    for (source, number) in zip(sources, Self.signals) {
      source.setEventHandler { [received] in received.add(number) }
      source.resume()
    }
  }

  deinit {
    guard signal == nil else { return }
    for source in sources { source.cancel() }
    for number in Self.signals { Foundation.signal(number, SIG_DFL) }
  }
}
