import Foundation
import KernelVLM

/// What one operation takes of a training step.
struct OperationTime: Encodable {
  let operation: String
  let calls: Double
  let microseconds: Double
  /// Of the step.
  let share: Double

  /// The operations that were called, the longest first, then what is not the kernels', and what measuring them took.
  /// Rows are measured, not inferred: together they are the step but for the ends of a training.
  static func all(_ profile: KernelProfile, steps: Int, seconds: Double) -> [OperationTime] {
    func row(_ name: String, calls: Int, nanoseconds: Double) -> OperationTime {
      OperationTime(
        operation: name, calls: Double(calls) / Double(steps), microseconds: nanoseconds / Double(steps) / 1e3,
        share: nanoseconds / 1e9 / seconds)
    }
    let overhead = profile.overhead
    let rows = profile.entries.map {
      row($0.name, calls: $0.calls, nanoseconds: Double($0.nanoseconds) - overhead.inside * Double($0.calls))
    }.sorted { $0.microseconds > $1.microseconds }
    let calls = profile.entries.reduce(0) { $0 + $1.calls }
    let between = Double(profile.nanosecondsBetween) - overhead.between * Double(calls)
    return rows + [
      row("graph, images and the log", calls: steps, nanoseconds: between),
      row("measuring", calls: calls, nanoseconds: (overhead.inside + overhead.between) * Double(calls)),
    ]
  }

  static func table(_ rows: [OperationTime]) -> String {
    let lines = rows.map {
      "\($0.calls.fixed(1).aligned(6)) \($0.microseconds.fixed(2).aligned(8)) \((100 * $0.share).fixed(1).aligned(6)) %  "
        + $0.operation
    }
    return (["calls  µs/step   share  operation"] + lines).joined(separator: "\n")
  }
}
