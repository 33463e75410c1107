import Foundation
import ReferenceKernels

extension Double {
  static func cosine(_ x: Double) -> Double { cos(x) }
}

/// What an operation should give, and how far from it a Float result may be (see `Rounded`).
struct Expectation {
  let values: [String: [Rounded]]

  init(_ operation: some Operation) {
    let bench = Bench<Rounded>()
    operation.run(Reference<Rounded>(), on: bench)
    values = Dictionary(uniqueKeysWithValues: bench.outputs.map { ($0, bench.values($0)) })
  }

  /// The first element of each output that is not what it should be.
  func violations(in results: [String: [Double]]) -> [String] {
    values.sorted { $0.key < $1.key }.compactMap { name, expected in
      guard let got = results[name], got.count == expected.count else { return "\(name): wrong size" }
      let wrong = expected.indices.first { i in
        let (wanted, got) = (expected[i], got[i])
        return wanted.isNaN ? !got.isNaN : !((got - wanted.value).magnitude <= wanted.tolerance)
      }
      return wrong.map {
        "\(name)[\($0)] is \(got[$0]), expected \(expected[$0].value) ± \(expected[$0].tolerance)"
      }
    }
  }
}
