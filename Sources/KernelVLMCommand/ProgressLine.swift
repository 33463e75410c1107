import Foundation

/// A line at the bottom of the terminal that says how far the work is. Where standard error is no terminal there is none.
struct ProgressLine {
  private static let barWidth = 30
  /// At most ten times a second.
  private static let interval = Duration.milliseconds(100)

  private let isEnabled = isatty(STDERR_FILENO) != 0 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
  private let start = ContinuousClock.now
  private var drawn: ContinuousClock.Instant?
  /// What stands in the terminal's last line.
  private var text = ""

  /// Redraws the line, if it is time.
  mutating func show(_ done: Int, of total: Int, _ label: @autoclosure () -> String) {
    guard isEnabled, total > 0 else { return }
    let now = ContinuousClock.now
    guard (drawn ?? start).duration(to: now) >= Self.interval else { return }
    drawn = now
    let share = min(1, Double(done) / Double(total))
    let filled = Int(share * Double(Self.barWidth))
    let bar = String(repeating: "━", count: filled) + String(repeating: "┄", count: Self.barWidth - filled)
    text = "\(bar) \(Int(100 * share)) % \(label())\(Self.remaining(start.duration(to: now).seconds, share))"
    Self.write("\r\(text)\u{1b}[K")
  }

  /// A line above the progress.
  func log(_ line: String) {
    Self.write(text.isEmpty ? "\(line)\n" : "\r\(line)\u{1b}[K\n\(text)")
  }

  mutating func clear() {
    if !text.isEmpty { Self.write("\r\u{1b}[K") }
    text = ""
  }

  private static func remaining(_ elapsed: Double, _ share: Double) -> String {
    guard share > 0, share < 1 else { return "" }
    let seconds = elapsed / share * (1 - share)
    return seconds < 90
      ? String(format: ", %.0f s left", seconds.rounded(.up)) : String(format: ", %.0f min left", seconds / 60)
  }

  private static func write(_ text: String) {
    Output.noteUnended(text)
  }
}
