import Foundation
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
  static let all: [AttentionCase] = {
    let shapes = [
      (4, 28, 5, 32, 4), (5, 28, 6, 32, 4), (6, 28, 7, 32, 4), (1, 28, 8, 32, 4), (34, 0, 34, 32, 4), (6, 0, 9, 32, 4),
      (28, 28, 28, 32, 4), (1, 0, 1, 2, 1), (0, 3, 2, 4, 1), (3, 1, 3, 6, 3), (7, 16, 7, 12, 2), (2, 17, 16, 28, 2),
      (3, 64, 17, 16, 1), (17, 65, 70, 40, 1), (9, 130, 9, 64, 4), (5, 28, 6, 48, 2), (3, 60, 5, 33, 3),
      // Heads of 8 around a block of 64 keys and of 8 queries; heads around 8, 16 and 32, and whose halves are odd.
      (20, 30, 34, 32, 4), (9, 28, 37, 24, 3), (11, 60, 80, 8, 1), (16, 3, 16, 16, 2), (13, 70, 80, 6, 1),
      (9, 40, 30, 68, 2), (10, 20, 12, 36, 1), (5, 7, 9, 20, 2), (17, 0, 129, 14, 1),
    ]
    return shapes.flatMap { n, F, S, D, H in
      let degrees = Set([1, 2, 3, 4, D / H]).filter { $0 <= 16 && D / H % $0 == 0 }.sorted()
      return degrees.flatMap { R in
        [false, true].map { accumulate in
          AttentionCase(queries: n, vision: F, text: S, width: D, heads: H, degree: R, accumulate: accumulate)
        }
      }
    }
  }()

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

  @Test(arguments: [1, 2, 3]) func aFaultIsCaught(degree: Int) {
    expectFaultsCaught(AttentionCase.small(degree: degree))
  }

  @Test(arguments: [1, 2, 3, 4]) func gradientsAreThoseOfForward(degree: Int) {
    expectGradients(AttentionCase.small(degree: degree, chained: true))
  }

  /// A query whose score with one key is 120 above all others has the value of that key, wherever it stands.
  @Test(arguments: [1, 2, 4]) func theLargestScoreMayStandAnywhere(degree: Int) {
    let (q, y) = (Buffer<Float>(count: 8), Buffer<Float>(count: 8))
    let part = 8 / degree
    for r in 0..<degree { q.all[0, r * part] = 1 }
    for kernels in everyCKernels {
      for T in [1, 2, 7, 8, 9, 16, 31, 36, 64, 65, 80] {
        let (rows, probs) = (Buffer<Float>(count: T * 16), Buffer<Float>(count: T))
        let partial = Buffer<Float>(count: degree * T)
        let keys = KeyValues(
          vision: rows.matrix(rows: T - 1, columns: 16), text: rows.matrix(at: (T - 1) * 16, rows: 1, columns: 16))
        for largest in 0..<T {
          for j in 0..<T {
            let score: Float = j == largest ? 60 : -60
            for r in 1..<max(degree, 2) where degree > 1 { rows.all[0, 16 * j + r * part] = 1 }
            rows.all[0, 16 * j] = score * Float(pow(8, Double(degree) / 2))
            rows.all[0, 16 * j + 8] = Float(j)
          }
          withExtendedLifetime((q, rows, partial)) {
            kernels.attentionForward(
              y.all, probs: probs.all,
              partialScores: partial.matrix(rows: degree > 1 ? degree : 0, columns: T), q: q.all, keys: keys, heads: 1,
              degree: degree)
          }
          #expect(y.values == [Float(largest)] + [Float](repeating: 0, count: 7), "\(kernels.instructionSet): \(T)")
          #expect(probs.values[largest] == 1, "\(kernels.instructionSet): \(largest) of \(T)")
        }
      }
    }
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
