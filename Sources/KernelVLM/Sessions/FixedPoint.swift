extension Double {
  /// The number with `digits` digits behind the point, rounded to nearest and ties to even: what C's "%.nf" prints, in
  /// no locale and with no format. Exact for every number, since the error of the one product is known.
  public func fixed(_ digits: Int) -> String {
    precondition((0...15).contains(digits), "\(digits) digits")
    guard isFinite else { return isNaN ? "nan" : self < 0 ? "-inf" : "inf" }
    var whole = magnitude.rounded(.down)
    let scale = (0..<digits).reduce(1.0) { power, _ in power * 10 }
    // The digits are those of product + error, which is below 2^52: the error is less than the last bit of 1/2.
    let fraction = magnitude - whole
    let product = fraction * scale
    let error = (-product).addingProduct(fraction, scale)
    var last = product.rounded(.down)
    let rest = product - last
    let isOdd = (digits > 0 ? last : whole).truncatingRemainder(dividingBy: 2) == 1
    if rest > 0.5 || rest == 0.5 && (error > 0 || error == 0 && isOdd) { last += 1 }
    if last == scale { (whole, last) = (whole + 1, 0) }
    let head = (sign == .minus ? "-" : "") + Self.decimal(whole)
    guard digits > 0 else { return head }
    let tail = String(Int(last))
    return head + "." + String(repeating: "0", count: digits - tail.count) + tail
  }

  /// All digits of a whole number.
  private static func decimal(_ whole: Double) -> String {
    guard whole >= 0x1p64 else { return String(UInt64(whole)) }
    var digits = String(UInt64(whole.significand * 0x1p52)).reversed().compactMap(\.wholeNumberValue)
    for _ in 52..<whole.exponent {
      var carry = 0
      for index in digits.indices {
        let doubled = 2 * digits[index] + carry
        (carry, digits[index]) = doubled.quotientAndRemainder(dividingBy: 10)
      }
      if carry > 0 { digits.append(carry) }
    }
    return digits.reversed().map(String.init).joined()
  }
}
