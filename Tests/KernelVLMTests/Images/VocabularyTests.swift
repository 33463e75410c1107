import Foundation
import KernelVLM
import Testing

struct VocabularyTests {
  private func refusal(_ names: [String]) -> String? {
    let error = #expect(throws: ConfigurationError.self) { _ = try Vocabulary(names: names) }
    return error?.description
  }

  @Test func digitsHaveTheIdsOfTheContract() throws {
    let vocabulary = try Vocabulary()
    #expect(String(vocabulary.letters) == "efghinorstuvwxz")
    #expect(vocabulary.bos == 15 && vocabulary.eos == 16 && vocabulary.size == 17)
    #expect(vocabulary.texts[7] == [15, 8, 0, 11, 0, 5, 16])
  }

  @Test func everyNameIsDecodedFromItsText() throws {
    let vocabulary = try Vocabulary(names: Vocabulary.digitNames + ["é", "vingt-deux"])
    for (name, text) in zip(vocabulary.names, vocabulary.texts) {
      #expect(try vocabulary.encode(name) == text)
      #expect(vocabulary.decode(text) == name && vocabulary.decode(text.dropFirst()) == name)
    }
  }

  @Test func decodingStopsAtEitherEnd() throws {
    let vocabulary = try Vocabulary(names: ["ab"])
    #expect(vocabulary.decode([2, 0, 3, 1]) == "a")
    #expect(vocabulary.decode([1, 2, 0]) == "b")
    #expect(vocabulary.decode([]).isEmpty && vocabulary.decode([3]).isEmpty)
  }

  @Test func symbolsShowTheTwoEnds() throws {
    let vocabulary = try Vocabulary(names: ["ab"])
    #expect((0..<4).map { vocabulary.symbol($0) } == ["a", "b", "BOS", "EOS"])
  }

  @Test func badListsAreRefusedWithTheRule() {
    #expect(refusal([]) == "number of names is 0, must be 1 to 256")
    #expect(refusal((0...256).map { "\($0)" }) == "number of names is 257, must be 1 to 256")
    #expect(refusal(["one", ""]) == "name 1 is empty, must be at least one letter")
    #expect(refusal(["one", "two", "one"]) == "name 2 is one, must be different from name 0")
  }

  @Test func aLetterOutsideTheVocabularyIsRefused() throws {
    let vocabulary = try Vocabulary(names: ["ab"])
    let error = #expect(throws: ConfigurationError.self) { _ = try vocabulary.encode("abc") }
    #expect(error?.description == "letter of abc is c, must be one of ab")
  }
}
