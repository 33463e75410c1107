import Foundation
import KernelVLM

/// What one operation takes of a training step.
struct OperationTime: Encodable {
  let operation: String
  let calls: Double
  let microseconds: Double
  /// Of the step.
  let share: Double

  /// The operations that were called, the longest first, then what is not the kernels', and what measuring them took. All
  /// are measured, none is what is left: together they are the step but for the ends of a training.
  static func all(_ profile: KernelProfile, steps: Int, seconds: Double) -> [OperationTime] {
    func row(_ name: String, calls: Int, _ time: Duration) -> OperationTime {
      OperationTime(
        operation: name, calls: Double(calls) / Double(steps), microseconds: time.seconds / Double(steps) * 1e6,
        share: time.seconds / seconds)
    }
    let rows = KernelProfile.Operation.allCases.filter { profile.calls($0) > 0 }.map {
      let calls = profile.calls($0)
      return row($0.name, calls: calls, profile.time($0) - profile.overhead.inside * calls)
    }.sorted { $0.microseconds > $1.microseconds }
    let calls = KernelProfile.Operation.allCases.reduce(0) { $0 + profile.calls($1) }
    let between = profile.timeBetween - profile.overhead.between * calls
    return rows + [
      row("graph, images and the log", calls: steps, between),
      row("measuring", calls: calls, (profile.overhead.inside + profile.overhead.between) * calls),
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
