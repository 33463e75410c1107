extension StepReport {
  /// The line that the published program prints:
  /// `step   100/7000 | loss 0.6132 | text 0.6132 | recon 0.0000 | target: one | 2.6s`.
  public func logLine(steps: Int, seconds: Double) -> String {
    let number = "\(step)"
    let aligned = String(repeating: " ", count: max(0, 5 - number.count)) + number
    return "step \(aligned)/\(steps) | loss \(loss.fixed(4)) | text \(text.fixed(4)) | recon "
      + "\(reconstruction.fixed(4)) | target: \(target) | \(seconds.fixed(1))s"
  }
}
