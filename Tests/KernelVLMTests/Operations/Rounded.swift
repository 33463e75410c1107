import ReferenceKernels

/// A number that carries a bound of the error that Float arithmetic makes in computing it: the reference kernels, run on
/// this type, derive the tolerance of each of their outputs.
///
/// Besides its `value` (in Double) a number has
/// - `terms`: the sum of the absolute values of the terms that it is a sum of, so Σ|x_i y_i| for a dot product;
/// - `error`: what the roundings so far may have added up to.
///
/// One rounding adds at most u = 2⁻²⁴ of the result. A sum of n terms, in any order, rounds n − 1 partial sums, none of
/// which exceeds Σ|terms|; so each addition is charged u · terms, which gives the classical n u Σ|terms|. The errors of the
/// operands arrive multiplied by the partial derivatives. Second-order terms are kept for products, and otherwise are
/// covered by `tolerance`.
struct Rounded: KernelScalar {
  var value: Double
  var terms: Double
  var error: Double

  /// A rounding of Float, and the bound of exp, log, cos and sin (2 ulp are at most 4 u).
  static let u = 0x1p-24
  static let transcendental = 4 * u

  init(value: Double, terms: Double, error: Double) {
    self.value = value
    self.terms = terms
    self.error = error
  }

  /// The result of an operation whose operands' errors amount to `inherited`, rounded once.
  init(_ value: Double, terms: Double? = nil, inherited: Double, rounding: Double = Rounded.u) {
    let terms = terms ?? value.magnitude
    self.init(value: value, terms: terms, error: inherited + rounding * terms)
  }

  /// What a kernel's output may be away from this value. Twice the error: a sum in another order may round larger partial
  /// sums than this one, whose average is half of Σ|terms|, and a quotient may be a product with the reciprocal. Below the
  /// normal numbers a rounding is absolute.
  var tolerance: Double { 2 * error + 64 * Double(Float.leastNonzeroMagnitude) }

  static func + (a: Rounded, b: Rounded) -> Rounded {
    Rounded(a.value + b.value, terms: a.terms + b.terms, inherited: a.error + b.error)
  }

  static func - (a: Rounded, b: Rounded) -> Rounded {
    Rounded(a.value - b.value, terms: a.terms + b.terms, inherited: a.error + b.error)
  }

  static func * (a: Rounded, b: Rounded) -> Rounded {
    Rounded(
      a.value * b.value, terms: a.terms * b.terms,
      inherited: a.value.magnitude * b.error + b.value.magnitude * a.error + a.error * b.error)
  }

  static func / (a: Rounded, b: Rounded) -> Rounded {
    let quotient = a.value / b.value
    return Rounded(
      quotient, terms: (a.terms / b.value).magnitude,
      inherited: (a.error + quotient.magnitude * b.error) / max(b.value.magnitude - b.error, .leastNormalMagnitude))
  }

  mutating func formSquareRoot() {
    let root = value.squareRoot()
    // √x − √(x − e) ≤ e / √x, and ≤ √e.
    self = Rounded(root, inherited: root > 0 ? min(error / root, error.squareRoot()) : error.squareRoot())
  }

  static func exp(_ x: Rounded) -> Rounded {
    let y = Double.exp(x.value)
    return Rounded(y, inherited: y * (Double.exp(x.error) - 1), rounding: transcendental)
  }

  static func log(_ x: Rounded) -> Rounded {
    Rounded(Double.log(x.value), inherited: x.error / x.value, rounding: transcendental)
  }

  static func cos(_ x: Rounded) -> Rounded {
    Rounded(Double.cos(x.value), inherited: x.error, rounding: transcendental)
  }

  static func sin(_ x: Rounded) -> Rounded {
    Rounded(Double.sin(x.value), inherited: x.error, rounding: transcendental)
  }

  init(_ x: Double) { self.init(value: x, terms: x.magnitude, error: 0) }
  /// A literal is rounded to Float.
  init(floatLiteral x: Double) { self.init(x, inherited: 0, rounding: Double(Float(x)) == x ? 0 : Rounded.u) }
}

// What remains of BinaryFloatingPoint is that of the value.
extension Rounded {
  typealias Exponent = Double.Exponent
  typealias RawExponent = Double.RawExponent
  typealias RawSignificand = Double.RawSignificand

  init(sign: FloatingPointSign, exponent: Int, significand: Rounded) {
    self.init(Double(sign: sign, exponent: exponent, significand: significand.value))
  }
  init(sign: FloatingPointSign, exponentBitPattern: UInt, significandBitPattern: UInt64) {
    self.init(
      Double(sign: sign, exponentBitPattern: exponentBitPattern, significandBitPattern: significandBitPattern))
  }
  init(signOf s: Rounded, magnitudeOf m: Rounded) { self.init(Double(signOf: s.value, magnitudeOf: m.value)) }
  init(integerLiteral x: Int) { self.init(Double(x)) }
  init(_ x: Int) { self.init(Double(x)) }
  init(_ x: Float) { self.init(Double(x)) }
  init<Source: BinaryInteger>(_ x: Source) { self.init(Double(x)) }
  init?<Source: BinaryInteger>(exactly x: Source) {
    guard let x = Double(exactly: x) else { return nil }
    self.init(x)
  }

  static var nan: Rounded { Rounded(Double.nan) }
  static var signalingNaN: Rounded { Rounded(Double.signalingNaN) }
  static var infinity: Rounded { Rounded(Double.infinity) }
  static var greatestFiniteMagnitude: Rounded { Rounded(Double.greatestFiniteMagnitude) }
  static var leastNormalMagnitude: Rounded { Rounded(Double.leastNormalMagnitude) }
  static var leastNonzeroMagnitude: Rounded { Rounded(Double.leastNonzeroMagnitude) }
  static var pi: Rounded { Rounded(Double.pi) }
  static var exponentBitCount: Int { Double.exponentBitCount }
  static var significandBitCount: Int { Double.significandBitCount }

  var sign: FloatingPointSign { value.sign }
  var exponent: Int { value.exponent }
  var exponentBitPattern: UInt { value.exponentBitPattern }
  var significandBitPattern: UInt64 { value.significandBitPattern }
  var significandWidth: Int { value.significandWidth }
  var significand: Rounded { Rounded(value.significand) }
  var binade: Rounded { Rounded(value.binade) }
  var ulp: Rounded { Rounded(value.ulp) }
  var nextUp: Rounded { Rounded(value.nextUp) }
  /// One term: no order of a sum that it is in takes it apart.
  var magnitude: Rounded { Rounded(value: value.magnitude, terms: value.magnitude, error: error) }
  var isNormal: Bool { value.isNormal }
  var isFinite: Bool { value.isFinite }
  var isZero: Bool { value.isZero }
  var isSubnormal: Bool { value.isSubnormal }
  var isInfinite: Bool { value.isInfinite }
  var isNaN: Bool { value.isNaN }
  var isSignalingNaN: Bool { value.isSignalingNaN }
  var isCanonical: Bool { value.isCanonical }

  static prefix func - (x: Rounded) -> Rounded { Rounded(value: -x.value, terms: x.terms, error: x.error) }
  static func += (a: inout Rounded, b: Rounded) { a = a + b }
  static func -= (a: inout Rounded, b: Rounded) { a = a - b }
  static func *= (a: inout Rounded, b: Rounded) { a = a * b }
  static func /= (a: inout Rounded, b: Rounded) { a = a / b }
  mutating func addProduct(_ a: Rounded, _ b: Rounded) { self += a * b }
  mutating func formRemainder(dividingBy x: Rounded) { value.formRemainder(dividingBy: x.value) }
  mutating func formTruncatingRemainder(dividingBy x: Rounded) { value.formTruncatingRemainder(dividingBy: x.value) }
  mutating func round(_ rule: FloatingPointRoundingRule) { value.round(rule) }
  func isEqual(to x: Rounded) -> Bool { value == x.value }
  func isLess(than x: Rounded) -> Bool { value < x.value }
  func isLessThanOrEqualTo(_ x: Rounded) -> Bool { value <= x.value }
  func distance(to x: Rounded) -> Rounded { x - self }
  func advanced(by x: Rounded) -> Rounded { self + x }
  static func == (a: Rounded, b: Rounded) -> Bool { a.value == b.value }
  func hash(into hasher: inout Hasher) { value.hash(into: &hasher) }
}
