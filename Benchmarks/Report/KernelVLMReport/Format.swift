import Foundation

/// How numbers are printed.
enum Format {
  /// Grouped whole numbers.
  static func count(_ x: Double) -> String { x.formatted(.number.precision(.fractionLength(0)).locale(english)) }

  /// Billions, with three digits.
  static func rate(_ x: Double) -> String { threeDigits(x / 1e9) }

  static func percent(_ x: Double) -> String { "\(Int((100 * x).rounded())) %" }

  static func ratio(_ x: Double) -> String { "\(threeDigits(x)) ×" }

  static func time(_ seconds: Double) -> String {
    let units = [(1e-9, "ns"), (1e-6, "µs"), (1e-3, "ms"), (1, "s")]
    let (unit, name) = units.last { seconds >= $0.0 } ?? units[0]
    return "\(threeDigits(seconds / unit)) \(name)"
  }

  static func threeDigits(_ x: Double) -> String {
    let decimals = x >= 99.95 ? 0 : x >= 9.995 ? 1 : 2
    return x.formatted(.number.precision(.fractionLength(decimals)).locale(english))
  }

  private static let english = Locale(identifier: "en_US")
}
