import Testing

@testable import KernelVLM
@testable import KernelVLMCore

@Suite struct EvaluationTests {
  private let names = ["zero", "one"]

  @Test func wordsAreCountedByTrueNameAndSpelledName() {
    let evaluation = Evaluation(
      words: ["zero", "one", "one", "onee", "", "zero", "zero", "zero"], labels: [0, 0, 1, 1, 1, 1, 1, 1] as [UInt8],
      names: names)
    #expect(evaluation.confusion == [[1, 1, 0], [3, 1, 2]])
    #expect(evaluation.count == 8 && evaluation.correct == 2 && evaluation.noName == 2)
    #expect(evaluation.accuracy == 2.0 / 8)
    #expect(evaluation.name(0) == (2, 1) && evaluation.name(1) == (6, 1))
  }

  /// Its letters may happen to be the name: without probabilities they mean nothing.
  @Test func aWordWhoseProbabilitiesAreNotFiniteIsWrong() {
    let spellings = [0.5, .nan, .infinity].map { Spelling(word: "one", tokens: [0], probabilities: [1, $0]) }
    let evaluation = Evaluation(spellings, labels: [1, 1, 1] as [UInt8], names: names)
    #expect(evaluation.confusion == [[0, 0, 0], [0, 1, 2]])
    #expect(evaluation.correct == 1 && evaluation.notFinite == 2 && evaluation.noName == 2)
  }

  @Test func nothingToSpellHasNoAccuracy() {
    let evaluation = Evaluation(words: [], labels: [] as [UInt8], names: names)
    #expect(evaluation.count == 0 && evaluation.accuracy == 0 && evaluation.interval == 0...1)
  }

  /// Correct, count, and the bounds in Newcombe, "Two-sided confidence intervals for the single proportion", Statistics
  /// in Medicine 17 (1998), table I, method 3: to four decimals.
  @Test(arguments: [
    (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718),
  ])
  func theIntervalIsWilsons(_ correct: Int, _ count: Int, _ low: Double, _ high: Double) {
    let words = (0..<count).map { $0 < correct ? "one" : "zero" }
    let labels = [UInt8](repeating: 1, count: count)
    let interval = Evaluation(words: words, labels: labels, names: names).interval
    #expect(abs(interval.lowerBound - low) <= 0.5e-4)
    #expect(abs(interval.upperBound - high) <= 0.5e-4)
  }
}
