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
    // Heads of 8 around a block of 64 keys and of 8 queries; heads around 8, 16 and 32, and whose halves are odd.
    (20, 30, 34, 32, 4), (9, 28, 37, 24, 3), (11, 60, 80, 8, 1), (16, 3, 16, 16, 2), (13, 70, 80, 6, 1),
    (9, 40, 30, 68, 2), (10, 20, 12, 36, 1), (5, 7, 9, 20, 2), (17, 0, 129, 14, 1),
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

/// A query whose score with one key is 120 above all others has the value of that key, wherever it stands.
func expectTheLargestScoreWins(_ attention: ModelConfiguration.Attention) {
  let (q, y) = (Buffer<Float>([1, 0, 0, 0, 1, 0, 0, 0]), Buffer<Float>(count: 8))
  for kernels in everyCKernels {
    for T in [1, 2, 7, 8, 9, 16, 31, 36, 64, 65, 80] {
      let (rows, probs, dots) = (
        Buffer<Float>(count: T * 16), Buffer<Float>(count: T), Buffer<Float>(count: 2 * T)
      )
      let keys = KeyValues(
        prefix: rows.matrix(rows: T - 1, columns: 16), own: rows.matrix(at: (T - 1) * 16, rows: 1, columns: 16))
      for largest in 0..<T {
        for j in 0..<T {
          let score: Float = j == largest ? 60 : -60
          rows.all[0, 16 * j] = score * (attention == .dot ? Float(8).squareRoot() : 8)
          rows.all[0, 16 * j + 4] = attention == .dot ? 0 : 1
          rows.all[0, 16 * j + 8] = Float(j)
        }
        withExtendedLifetime((q, rows, dots)) {
          switch attention {
          case .tensor:
            kernels.tensorAttentionForward(
              y.all, probs: probs.all, dots: dots.matrix(rows: 2, columns: T), q: q.all, keys: keys, heads: 1)
          case .dot: kernels.dotAttentionForward(y.all, probs: probs.all, q: q.all, keys: keys, heads: 1)
          }
        }
        #expect(y.values == [Float(largest)] + [Float](repeating: 0, count: 7), "\(kernels.instructionSet): \(T)")
        #expect(probs.values[largest] == 1, "\(kernels.instructionSet): \(largest) of \(T)")
      }
    }
  }
}
