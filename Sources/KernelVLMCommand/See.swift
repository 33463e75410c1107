import ArgumentParser
import Foundation
import KernelVLM

struct See: ParsableCommand, NotingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show pictures, photographs or a test image to a model and watch it spell them.",
    discussion: """
      kernelvlm see model.safetensors photo.jpg           every digit on it, row by row
      kernelvlm see model.safetensors scans --json        all pictures in a folder, an object a line
      cat seven.png | kernelvlm see model.safetensors -   standard input
      kernelvlm see model.safetensors --index 7           a test image

      A picture is PNG or JPEG, ink on paper or light on dark, of any size. Each digit is drawn as the model sees it, \
      normalised as MNIST's were: cropped to its ink, its stroke thickened if thin, 20 of 28 pixels high or wide, its \
      centre of mass in the middle. Beside it stand the word and how sure it is, the likeliest other name, and each \
      letter with its probability and the next best; EOS is the end of the word.

      Good pictures: one colour of paper, digits that do not touch each other or the picture's border, at least 20 \
      pixels high. A picture of one digit that is taken for several is seen with --single; --whole takes the picture \
      as it is, for models of other things than ink on paper.

      Models that know what they see are '--preset lean' and its like. A word below \((100 * Spelling.sure).fixed(0)) % is \
      marked with '?', as is one that is no name: what is no digit is spelled all the same.

      A picture that cannot be read is reported, and the others go on; the exit status is the first one's then.
      """)

  @Argument(help: "A model that 'kernelvlm train --save' wrote.")
  var file: String

  @Argument(help: "PNG or JPEG pictures, folders of them, or - for standard input.")
  var pictures: [String] = []

  @Flag(help: "Take all ink of a picture as one digit.")
  var single = false

  @Flag(help: "Take the whole picture as it is, scaled to the model's size.")
  var whole = false

  @Option(parsing: .unconditional, help: "Which test image, counted from 0 (default: 0).")
  var index: Int?

  @Flag(help: "Print one JSON object for each digit, a line each, or for the test image.")
  var json = false

  @Flag(help: "With --json: also the features, what each head attends to at each letter, and the image.")
  var trace = false

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

  func validate() throws {
    if single && whole { throw ValidationError("--single and --whole do not go together") }
    if pictures.isEmpty && (single || whole || trace) {
      throw ValidationError("--single, --whole and --trace are for pictures, of which none is named")
    }
    if !pictures.isEmpty && (index != nil || dataOptions.data != nil) {
      throw ValidationError("--index and --data are for a test image, which pictures take the place of")
    }
    if trace && !json { throw ValidationError("--trace is for --json") }
    if pictures.count(where: { $0 == "-" }) > 1 { throw ValidationError("standard input can be read once") }
  }

  func run() throws {
    pictures.isEmpty ? try seeTestImage(index ?? 0) : try seePictures()
  }

  private func seeTestImage(_ index: Int) throws {
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
