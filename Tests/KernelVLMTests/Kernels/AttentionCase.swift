import KernelVLM
import ReferenceKernels
import Testing

/// What tensor and dot attention are tried at.
struct AttentionShape: Sendable {
  let queries: Int
  let prefix: Int
  let own: Int
  let width: Int
  let heads: Int
  var accumulate = false
  var chained = false

  /// The model's shapes (words of four to six predictions, and all positions as queries), keys without a prefix, as many
  /// queries as own positions and fewer, and sizes around those of vectors and blocks.
  static let all = [
    (4, 28, 5, 32, 4), (5, 28, 6, 32, 4), (6, 28, 7, 32, 4), (1, 28, 8, 32, 4), (34, 0, 34, 32, 4), (6, 0, 9, 32, 4),
    (28, 28, 28, 32, 4), (1, 0, 1, 2, 1), (0, 3, 2, 4, 1), (3, 1, 3, 6, 3), (7, 16, 7, 12, 2), (2, 17, 16, 28, 2),
    (3, 64, 17, 16, 1), (17, 65, 70, 40, 1), (9, 130, 9, 64, 4),
  ].flatMap { n, F, S, D, H in
    [false, true].map { AttentionShape(queries: n, prefix: F, own: S, width: D, heads: H, accumulate: $0) }
  }

  static let small = AttentionShape(queries: 3, prefix: 4, own: 5, width: 8, heads: 2)

  func input<S>(_ name: String, _ bench: Bench<S>) -> Matrix<S> { bench.input(name, queries, width) }
  func output<S>(_ name: String, _ bench: Bench<S>) -> Matrix<S> { bench.output(name, queries, width) }

  func keys<S>(_ bench: Bench<S>) -> KeyValues<S> {
    KeyValues(prefix: bench.input("prefix", prefix, 2 * width), own: bench.input("own", own, 2 * width))
  }

  func dkeys<S>(_ bench: Bench<S>) -> KeyValues<S> {
    KeyValues(
      prefix: bench.output("dprefix", prefix, 2 * width, adds: accumulate),
      own: bench.output("down", own, 2 * width, adds: accumulate))
  }

  /// Sets what is masked to zero.
  func mask<S: KernelScalar>(_ matrix: Matrix<S>) {
    for row in 0..<matrix.rows {
      let visible = prefix + own - queries + row % queries + 1
      for j in visible..<matrix.columns { matrix[row, j] = 0 }
    }
  }
}
