import Foundation
import ReferenceKernels

@testable import KernelVLM
@testable import KernelVLMCore

/// The model as its formulas say it, in Double and with nothing left out or shared: every position has a row in every
/// layer, and every row sees itself and those before it. It knows a model's parameters by their names alone.
struct PlainModel {
  typealias Vector = [Double]

  let configuration: ModelConfiguration
  private let tensors: [String: [Vector]]

  init<K: Kernels>(_ model: VisionLanguageModel<K>) {
    configuration = model.configuration
    tensors = Dictionary(
      uniqueKeysWithValues: model.table.entries.map { entry in
        let matrix = model.matrix(entry)
        return (entry.name, (0..<entry.rows).map { i in (0..<entry.columns).map { Double(matrix[i, $0]) } })
      })
  }

  /// The logits of what follows each of `tokens`, the first of which is BOS, for the image with the input `x`.
  func logits(_ x: Vector, _ tokens: [Int32]) -> [Vector] {
    let F = configuration.features
    let b = base(x)
    let what = [Vector](repeating: b, count: F) + tokens.map { self["wte"][Int($0)] }
    var h = zip(what, self["wpe"]).map { rmsNorm(zip($0, $1).map(+)) }
    for layer in 0..<configuration.layers {
      let a = h.map(rmsNorm)
      let name = "layers.\(layer)."
      let (q, k, v) = (
        a.map { times(name + "attention.wq", $0) }, a.map { times(name + "attention.wk", $0) },
        a.map { times(name + "attention.wv", $0) }
      )
      for row in h.indices {
        let attended = times(name + "attention.wo", attention(q[row], k[...row], v[...row]))
        h[row] = zip(h[row], attended).map(+)
        let hidden = times(name + "mlp.fc1", rmsNorm(h[row])).map { max(0, $0) }
        h[row] = zip(h[row], times(name + "mlp.fc2", hidden)).map(+)
      }
    }
    return h[F...].map { times("lm_head", $0) }
  }

  /// b, of the image alone.
  private func base(_ x: Vector) -> Vector {
    var features: Vector = []
    if configuration.tensorTokens > 0 {
      let units = (1...2).map { unit(product(["bae.\($0).left", "bae.\($0).right"], x)) }
      features = zip(times("tensor.a", units[0]), times("tensor.b", units[1])).map(*)
    }
    for direct in configuration.direct {
      features += product((0..<direct.degree).map { "direct.\(direct.degree).\($0)" }, x)
    }
    return product(["vision.left", "vision.right"], unit(features))
  }

  /// One query: the softmax of its scores, head by head.
  private func attention(_ q: Vector, _ keys: ArraySlice<Vector>, _ values: ArraySlice<Vector>) -> Vector {
    let d = configuration.width / configuration.heads
    return (0..<configuration.heads).flatMap { head in
      let here = head * d..<(head + 1) * d
      let scores = keys.map { k in
        let degree = configuration.attention.degree
        let part = d / degree
        let parts = (0..<degree).map { head * d + $0 * part..<head * d + ($0 + 1) * part }
        return parts.reduce(1) { $0 * dot(q[$1], k[$1]) } / pow(Double(d), Double(degree) / 2)
      }
      let probs = Self.softmax(scores)
      return here.map { c in zip(probs, values).reduce(0) { $0 + $1.0 * $1.1[c] } }
    }
  }

  static func softmax(_ scores: Vector) -> Vector {
    let largest = scores.max() ?? 0
    let powers = scores.map { exp($0 - largest) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }

  private subscript(_ name: String) -> [Vector] { tensors[name] ?? [] }
  private func times(_ name: String, _ x: Vector) -> Vector { self[name].map { dot($0[...], x[...]) } }
  private func product(_ names: [String], _ x: Vector) -> Vector {
    names.dropFirst().reduce(times(names[0], x)) { zip($0, times($1, x)).map(*) }
  }
  private func dot(_ a: ArraySlice<Double>, _ b: ArraySlice<Double>) -> Double {
    zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
  }
  private func unit(_ x: Vector) -> Vector { x.map { $0 / (dot(x[...], x[...]).squareRoot() + 1e-8) } }
  private func rmsNorm(_ x: Vector) -> Vector {
    let rms = (dot(x[...], x[...]) / Double(x.count) + 1e-5).squareRoot()
    return x.map { $0 / rms }
  }
}
