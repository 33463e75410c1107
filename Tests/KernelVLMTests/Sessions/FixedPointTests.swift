import Foundation
import KernelVLM
import Testing

@Suite struct FixedPointTests {
  private func expectAsC(_ x: Double, _ digits: Int) {
    #expect(x.fixed(digits) == String(format: "%.\(digits)f", x), "\(x) with \(digits) digits")
  }

  @Test func tiesNeighboursAndSmallNumbersAreRoundedAsCDoes() {
    for digits in 0...6 {
      for count in 0...2000 {
        // Eighths and sixteenths are ties with few digits, and exact.
        for x in [Double(count) / 8, Double(count) / 16, Double(count) / 1000, Double(count) / 2e4] {
          for y in [x, x.nextUp, x.nextDown, -x] { expectAsC(y, digits) }
        }
      }
    }
  }

  @Test func numbersOfEverySizeAreRoundedAsCDoes() {
    var random = SystemRandomNumberGenerator()
    for digits in 0...6 {
      for exponent in -1074...1023 {
        let x = Double(sign: .plus, exponent: exponent, significand: 1 + Double.random(in: 0..<1, using: &random))
        for y in [x, -x, Double(sign: .plus, exponent: exponent, significand: 1)] { expectAsC(y, digits) }
      }
    }
    for digits in [0, 1, 4, 15] {
      for x in [0, -0.0, 0.1, 0.999_999_999, 9.5, 1e15, 0x1p52 - 0.5, 0x1p53, 0x1p63, 0x1p64, .greatestFiniteMagnitude]
      {
        expectAsC(x, digits)
      }
    }
  }

  @Test func whatIsNoNumberIsNamed() {
    #expect(Double.nan.fixed(2) == "nan" && (-Double.nan).fixed(2) == "nan")
    #expect(Double.infinity.fixed(2) == "inf" && (-Double.infinity).fixed(2) == "-inf")
  }
}
