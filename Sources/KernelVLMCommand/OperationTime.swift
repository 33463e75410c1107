import Foundation
import KernelVLM

/// What one operation takes of a training step.
struct OperationTime: Encodable {
  let operation: String
  let calls: Double
  let microseconds: Double
  /// Of the step.
  let share: Double

  /// The operations that were called, the longest first, and last what is not the kernels': the model graph, the images.
  static func all(_ profile: KernelProfile, steps: Int, seconds: Double) -> [OperationTime] {
    let total = seconds / Double(steps) * 1e6
    func row(_ name: String, calls: Double, microseconds: Double) -> OperationTime {
      OperationTime(operation: name, calls: calls, microseconds: microseconds, share: microseconds / total)
    }
    let rows = KernelProfile.Operation.allCases.filter { profile.calls($0) > 0 }.map {
      row(
        $0.name, calls: Double(profile.calls($0)) / Double(steps),
        microseconds: profile.time($0).seconds / Double(steps) * 1e6)
    }.sorted { $0.microseconds > $1.microseconds }
    let kernels = rows.reduce(0) { $0 + $1.microseconds }
    return rows + [row("graph, images and the clock", calls: 1, microseconds: total - kernels)]
  }

  static func table(_ rows: [OperationTime]) -> String {
    let lines = rows.map {
      String(format: "%6.1f %8.2f %6.1f %%  ", $0.calls, $0.microseconds, 100 * $0.share) + $0.operation
    }
    return (["calls  µs/step   share  operation"] + lines).joined(separator: "\n")
  }
}
