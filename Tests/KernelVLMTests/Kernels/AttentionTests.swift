import ReferenceKernels
import Testing

@testable import KernelVLMCore

struct AttentionCase: Operation {
  let queries: Int
  let vision: Int
  let text: Int
  let width: Int
  let heads: Int
  let degree: Int
  var accumulate = false
  /// Whether backward takes what forward gave; numbers of its own otherwise.
  var chained = false

  /// The model's shapes (words of four to six predictions, and all positions as queries), keys without vision, as many
  /// queries as text positions and fewer, and sizes around those of vectors and blocks; each with every degree up to 4
  /// that divides a head, and with one component a part.
  static let all = [
    (4, 28, 5, 32, 4), (5, 28, 6, 32, 4), (6, 28, 7, 32, 4), (1, 28, 8, 32, 4), (34, 0, 34, 32, 4), (6, 0, 9, 32, 4),
    (28, 28, 28, 32, 4), (1, 0, 1, 2, 1), (0, 3, 2, 4, 1), (3, 1, 3, 6, 3), (7, 16, 7, 12, 2), (2, 17, 16, 28, 2),
    (3, 64, 17, 16, 1), (17, 65, 70, 40, 1), (9, 130, 9, 64, 4), (5, 28, 6, 48, 2), (3, 60, 5, 33, 3),
  ].flatMap { n, F, S, D, H in
    Set([1, 2, 3, 4, D / H]).filter { $0 <= 16 && D / H % $0 == 0 }.sorted().flatMap { R in
      [false, true].map {
        AttentionCase(queries: n, vision: F, text: S, width: D, heads: H, degree: R, accumulate: $0)
      }
    }
  }

  static func small(degree: Int, chained: Bool = false) -> AttentionCase {
    AttentionCase(queries: 3, vision: 4, text: 5, width: 4 * degree, heads: 2, degree: degree, chained: chained)
  }

  func run<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) {
    let (n, T, D) = (queries, vision + text, width)
    let parts = degree > 1 ? degree * heads * n : 0
    let keys = KeyValues(vision: bench.input("vision", vision, 2 * D), text: bench.input("text", text, 2 * D))
    let q = bench.input("q", n, D)
    var probs = bench.output("probs", heads * n, T)
    var partial = bench.output("partial scores", parts, T)
    kernels.attentionForward(
      bench.output("y", n, D), probs: probs, partialScores: partial, q: q, keys: keys, heads: heads, degree: degree)
    mask(partial)  // unspecified there
    if !chained {
      probs = bench.input("given probs", heads * n, T)
      partial = bench.input("given partial scores", parts, T)
      mask(probs)
    }
    kernels.attentionBackward(
      dq: bench.output("dq", n, D),
      dkeys: KeyValues(
        vision: bench.output("dvision", vision, 2 * D, adds: accumulate),
        text: bench.output("dtext", text, 2 * D, adds: accumulate)),
      dy: bench.input("dy", n, D), probs: probs, partialScores: partial, q: q, keys: keys, heads: heads,
      degree: degree, accumulate: accumulate)
  }

  /// Sets what is masked to zero.
  private func mask<S: KernelScalar>(_ matrix: Matrix<S>) {
    for row in 0..<matrix.rows {
      for j in vision + text - queries + row % queries + 1..<matrix.columns { matrix[row, j] = 0 }
    }
  }
}

@Suite struct AttentionTests {
  @Test(arguments: AttentionCase.all) func agreesWithTheReference(_ operation: AttentionCase) {
    expectParity(operation)
  }

  @Test(arguments: [1, 2, 3]) func aFaultIsCaught(degree: Int) { expectFaultsCaught(AttentionCase.small(degree: degree)) }

  @Test(arguments: [1, 2, 3, 4]) func gradientsAreThoseOfForward(degree: Int) {
    expectGradients(AttentionCase.small(degree: degree, chained: true))
  }

  /// By hand: one query sees two keys of width 2 in one head; values 10 and 20.
  @Test(arguments: [
    // q·k / √2 = 11/√2 and −1/√2
    (1, 11 / 2.0.squareRoot(), -1 / 2.0.squareRoot()),
    // (1·3)(2·4) / 2 = 12 and (1·1)(2·−1) / 2 = −1
    (2, 12.0, -1.0),
  ])
  func scoresAreTheProductOfTheirParts(degree: Int, first: Double, second: Double) {
    func matrix(_ values: [Double], rows: Int) -> Matrix<Double> {
      let memory = UnsafeMutablePointer<Double>.allocate(capacity: max(values.count, 1))
      memory.initialize(from: values, count: values.count)
      return Matrix(memory, rows: rows, columns: rows > 0 ? values.count / rows : 2)
    }
    let y = matrix([0, 0], rows: 1)
    let probs = matrix([0, 0], rows: 1)
    let partial = matrix(degree == 2 ? [0, 0, 0, 0] : [], rows: degree == 2 ? 2 : 0)
    let q = matrix([1, 2], rows: 1)
    let keys = KeyValues(vision: matrix([3, 4, 10, 10], rows: 1), text: matrix([1, -1, 20, 20], rows: 1))
    defer { for m in [y, probs, partial, q, keys.vision, keys.text] { m.pointer.deallocate() } }
    Reference<Double>().attentionForward(
      y, probs: probs, partialScores: partial, q: q, keys: keys, heads: 1, degree: degree)
    let p = 1 / (1 + Double.exp(second - first))
    // An exponential and a division, each within an ulp.
    #expect(abs(probs[0, 0] - p) <= 4 * p.ulp)
    #expect(abs(y[0, 0] - (10 * p + 20 * (1 - p))) <= 4 * y[0, 0].ulp)
    if degree == 2 { #expect((0..<2).map { r in (0..<2).map { partial[r, $0] } } == [[3, 1], [8, -2]]) }
  }
}
