import Testing

@testable import KernelVLM
@testable import KernelVLMCore

@Suite struct EvaluationTests {
  private let names = ["zero", "one"]

  @Test func wordsAreCountedByTrueNameAndSpelledName() {
    let evaluation = Evaluation(
      words: ["zero", "one", "one", "one", "onee", "", "zero", "one", "one"],
      labels: [0, 0, 0, 1, 1, 1, 1, 1, 1] as [UInt8], names: names)
    // Row by true name: no entry is its mirror image's.
    #expect(evaluation.confusion == [[1, 2, 0], [1, 3, 2]])
    #expect(evaluation.count == 9 && evaluation.correct == 4 && evaluation.noName == 2)
    #expect(evaluation.accuracy == 4.0 / 9)
    #expect(evaluation.name(0) == (3, 1) && evaluation.name(1) == (6, 3))
  }

  /// Weights that are too large make NaN of a probability: the word is then no name, whatever it says.
  @Test(arguments: [Double.nan, .infinity]) func aWordThatIsNotFiniteIsWrong(probability: Double) {
    let spellings = [0.5, probability, probability].enumerated().map { index, last in
      Spelling(word: names[index == 2 ? 0 : 1], tokens: [1, 2], probabilities: [0.5, last])
    }
    #expect(spellings.map(\.isFinite) == [true, false, false])
    let evaluation = Evaluation(spellings, labels: [1, 1, 0] as [UInt8], names: names)
    #expect(evaluation.confusion == [[0, 0, 1], [0, 1, 1]])
    #expect(evaluation.correct == 1 && evaluation.noName == 2 && evaluation.notFinite == 2)
  }

  @Test func nothingToSpellHasNoAccuracy() {
    let evaluation = Evaluation(words: [], labels: [] as [UInt8], names: names)
    #expect(evaluation.count == 0 && evaluation.accuracy == 0 && evaluation.interval == 0...1)
    #expect(evaluation.provenance.isEmpty, "no accuracy is recorded")
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
