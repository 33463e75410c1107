import KernelVLM
import ReferenceKernels

/// What both attentions are timed at: n queries, which see F keys of the prefix and some of the S own ones.
struct AttentionShape: Sendable {
  let queries: Int
  let prefix: Int
  let own: Int
  let width: Int
  let heads: Int

  static let sizes = Sizes(
    // A word of five letters at once, and one letter of it.
    model: [(6, 28, 6, 32, 4), (1, 28, 6, 32, 4)].map(AttentionShape.init),
    grid: { AttentionShape(queries: $0, prefix: 28, own: $0, width: $1, heads: 4) })

  var name: String { "n\(queries)_F\(prefix)_S\(own)_D\(width)_H\(heads)" }
  var keys: Int { prefix + own }
  /// Pairs of a query and a key that it sees, in all heads.
  var pairs: Int { heads * (0..<queries).reduce(0) { $0 + keys - queries + $1 + 1 } }
  var headWidth: Int { width / heads }

  func row<S>(_ make: (String, Int, Int) -> Matrix<S>, _ name: String) -> Matrix<S> { make(name, queries, width) }

  func keyValues<S>(_ make: (String, Int, Int) -> Matrix<S>, _ name: String) -> KeyValues<S> {
    KeyValues(prefix: make("\(name) prefix", prefix, 2 * width), own: make("\(name) own", own, 2 * width))
  }

  /// A row of keys for each query of each of `groups` heads.
  func perKey<S>(_ make: (String, Int, Int) -> Matrix<S>, _ name: String, groups: Int) -> Matrix<S> {
    make(name, groups * queries, keys)
  }

  /// Given probabilities: numbers of their size, zero where masked, as forward leaves them.
  func probs<S>(_ bench: Bench<S>) -> Matrix<S> {
    let probs = bench.input("probs", heads * queries, keys, scale: 1 / Double(keys))
    for row in 0..<probs.rows {
      for j in keys - queries + row % queries + 1..<keys { probs[row, j] = 0 }
    }
    return probs
  }
}

extension Bench {
  /// An input or output of the usual kind, for what takes either.
  func input(_ name: String, _ rows: Int, _ columns: Int) -> Matrix<Scalar> { input(name, rows, columns, scale: 1) }
  func output(_ name: String, _ rows: Int, _ columns: Int) -> Matrix<Scalar> {
    output(name, rows, columns, adds: false)
  }
}
