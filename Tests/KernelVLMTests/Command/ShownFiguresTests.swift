import Foundation
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

/// What the commands print for people is what they print as JSON, and what the library says.
@Suite struct ShownFiguresTests {
  @Test func trainShowsItsStepsAndWhatWasSpelledForTheFirstImages() throws {
    try withTemporaryFolder { folder in
      let model = "\(folder)/model.safetensors"
      let run = try CommandRun(
        "train", "--data", "drawn", "--steps", "1000", "--learning-rate", "0.0003", "--save", model)
      #expect(run.output.contains("Trained on drawn: 1,000 steps of 1 image"))
      let images = DrawnDigits().images(.test, 0..<5)
      let words = try KernelChoice().model(Checkpoint(path: model)).spell(images, 0..<5, threads: 1).map(\.word)
      let names = images.labels.map { Vocabulary.digitNames[Int($0)] }
      try #require(words != names, "a model that knows them all shows nothing")
      for (word, name) in zip(words, names) {
        #expect(run.output.contains(word == name ? "\(word) ✓" : "\(word) (\(name))"))
      }
    }
  }

  @Test func aRowOfEvaluatesTableIsThatOfTheConfusion() throws {
    try withTemporaryFolder { folder in
      let model = "\(folder)/model.safetensors"
      try #require(try CommandRun("train", "--data", "drawn", "--steps", "300", "--save", model).status == 0)
      let arguments = ["evaluate", model, "--data", "drawn"]
      let confusion = try #require(try CommandRun(arguments + ["--json"]).json()["confusion"] as? [[Int]])
      try #require(confusion.contains { $0.reversed() != $0 })
      let table = try CommandRun(arguments).output.split(separator: "\n").map { $0.split(separator: " ") }
      for (name, row) in zip(Vocabulary.digitNames, confusion) {
        let found = try #require(table.first { $0.first == name[...] })
        #expect(found.suffix(row.count).map(String.init) == row.map { $0 == 0 ? "." : "\($0)" })
      }
    }
  }

  @Test func aCellOfAblatesTableIsMeanAndSpreadInPercent() throws {
    let arguments = ["ablate", "--data", "drawn", "--steps", "100", "--seeds", "2", "--features", "all"]
    let arms = try #require(try CommandRun(arguments + ["--json"]).json()["arms"] as? [[String: Any]])
    let table = try CommandRun(arguments).output
    for arm in arms {
      let (mean, sd) = (try #require(arm["mean"] as? Double), try #require(arm["sd"] as? Double))
      #expect(table.contains(String(format: "%.2f ± %.2f %%", 100 * mean, 100 * sd)))
    }
  }
}
