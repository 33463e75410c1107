import Foundation

/// A line at the bottom of the terminal that says how far the work is. Where standard error is no terminal, or silent,
/// there is none.
struct ProgressLine {
  private static let barWidth = 30
  /// At most ten times a second.
  private static let interval = Duration.milliseconds(100)

  let isEnabled =
    isatty(STDERR_FILENO) != 0 && ProcessInfo.processInfo.environment["TERM"] != "dumb" && !Output.isSilent
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
    let rest = "\(Int(100 * share)) % \(label())\(Self.remaining(start.duration(to: now).seconds, share))"
    // A line that fills the last column would go on in the next one, which no "\r" takes back.
    let room = Self.columns - 1
    let full = "\(bar) \(rest)"
    text = full.columns <= room ? full : rest.cut(toColumns: room)
    Self.write("\r\(text)\u{1b}[K")
  }

  /// A line above the progress.
  func log(_ line: String) {
    guard !Output.isSilent else { return }
    Self.write(text.isEmpty ? "\(line)\n" : "\r\(line)\u{1b}[K\n\(text)")
  }

  mutating func clear() {
    if !text.isEmpty { Self.write("\r\u{1b}[K") }
    text = ""
  }

  /// The terminal's width at this moment: as it says itself, else as COLUMNS does, else 80.
  private static var columns: Int {
    var size = winsize()
    if ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 { return Int(size.ws_col) }
    return ProcessInfo.processInfo.environment["COLUMNS"].flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil } ?? 80
  }

  private static func remaining(_ elapsed: Double, _ share: Double) -> String {
    guard share > 0, share < 1 else { return "" }
    let seconds = elapsed / share * (1 - share)
    return seconds < 90 ? ", \(seconds.rounded(.up).fixed(0)) s left" : ", \((seconds / 60).fixed(0)) min left"
  }

  private static func write(_ text: String) {
    Output.noteUnended(text)
  }
}
