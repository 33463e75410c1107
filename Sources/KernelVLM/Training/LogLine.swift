import Foundation

extension StepReport {
  /// The line that the published program prints:
  /// `step   100/7000 | loss 0.6132 | text 0.6132 | recon 0.0000 | target: one | 2.6s`.
  public func logLine(steps: Int, seconds: Double) -> String {
    let losses = [("loss", loss), ("text", text), ("recon", reconstruction)]
      .map { String(format: "\($0) %.4f", $1) }.joined(separator: " | ")
    return String(format: "step %5d/%d | ", step, steps) + losses
      + String(format: " | target: \(target) | %.1fs", seconds)
  }
}
