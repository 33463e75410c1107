/// English words for numbers.
public enum NumberNames {
  /// "zero" to "ninety-nine", each at the place of its number.
  public static let belowHundred: [String] = {
    let teens = [
      "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
    ]
    let tens = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
    let digits = Vocabulary.digitNames
    return digits + teens + tens.flatMap { ten in [ten] + digits.dropFirst().map { "\(ten)-\($0)" } }
  }()
}
