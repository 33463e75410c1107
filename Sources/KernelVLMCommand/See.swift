import ArgumentParser
import Foundation
import KernelVLM

struct See: ParsableCommand, NotingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Draw one test image and watch a model spell it.",
    discussion: """
      kernelvlm see model.safetensors --index 7

      Below the image stand the letters with their probabilities; EOS is the end of the word.
      """)

  @Argument(help: "A model that 'kernelvlm train --save' wrote.")
  var file: String

  @Option(parsing: .unconditional, help: "Which test image, counted from 0.")
  var index = 0

  @Flag(help: "Print the result as one JSON object.")
  var json = false

  @OptionGroup var noteOptions: NoteOptions
  @OptionGroup(title: "Data options") var dataOptions: DataOptions
  @OptionGroup(title: "Kernel options") var kernelOptions: KernelOptions

  private struct Result: Encodable {
    struct Token: Encodable {
      let token: String
      let probability: Double
    }

    let dataset: String
    let index: Int
    let name: String
    let word: String
    let correct: Bool
    let tokens: [Token]
  }

  func run() throws {
    let loaded = try LoadedModel(file, kernelOptions.choice())
    let (dataset, images) = try loaded.images(.test, dataOptions, threads: kernelOptions.threadCount)
    guard (0..<images.count).contains(index) else {
      throw ConfigurationError("index", value: index, rule: "0 to \(images.count - 1)")
    }
    guard let spelling = try loaded.model.spell(images, index..<index + 1, threads: 1).first else { return }
    guard spelling.isFinite else {
      throw FileError(
        .malformed, path: file, "expected finite probabilities, found NaN for image \(index): the weights are too large"
      )
    }
    let name = loaded.model.configuration.names[Int(images.labels[index])]
    let tokens = zip(spelling.tokens, spelling.probabilities).map {
      Result.Token(token: loaded.model.vocabulary.symbol($0), probability: $1)
    }
    if json {
      return try Output.json(
        Result(
          dataset: dataset.rawValue, index: index, name: name, word: spelling.word, correct: spelling.word == name,
          tokens: tokens))
    }
    let letters = tokens.map { token in
      let bar = String(repeating: "█", count: Int((20 * token.probability).rounded()))
      return "  \(token.token.padded(4)) \((100 * token.probability).fixed(1).aligned(5)) % \(bar)"
    }
    try Output.result(
      """
      \(Picture(images, index).lines.map(\.trimmedEnd).joined(separator: "\n"))

      Test image \(index) of \(dataset.rawValue): \(name)
      Spelled: \(spelling.word) \(spelling.word == name ? "✓" : "✗")
      \(letters.map(\.trimmedEnd).joined(separator: "\n"))
      """)
  }
}
