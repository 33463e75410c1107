import ArgumentParser
import Foundation
import KernelVLM

struct Evaluate: ParsableCommand, NotingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Spell all test images with a model and count what is right.",
    discussion: """
      kernelvlm evaluate model.safetensors
      kernelvlm evaluate model.safetensors --split train --json

      An image counts as right only if the whole word is its name.
      """)

  @Argument(help: "A model that 'kernelvlm train --save' wrote.")
  var file: String

  @Option(help: "Which images.")
  var split = Split.test

  @Flag(help: "Print the result as one JSON object.")
  var json = false

  @OptionGroup var noteOptions: NoteOptions
  @OptionGroup(title: "Data options") var dataOptions: DataOptions
  @OptionGroup(title: "Kernel options") var kernelOptions: KernelOptions

  private struct Result: Encodable {
    let dataset: String
    let split: String
    let accuracy: Double
    let correct: Int
    let count: Int
    let interval: [Double]
    let confusion: [[Int]]
    let unseen: UnseenScore?
    let parts: PartsScore?
    let seconds: Double
  }

  func run() throws {
    let kernels = try kernelOptions.choice()
    let loaded = try LoadedModel(file, kernels)
    let (dataset, images) = try loaded.images(split, dataOptions, threads: kernelOptions.threadCount)
    let threads = kernelOptions.startThreads(kernels)

    let start = ContinuousClock.now
    let names = loaded.model.configuration.names
    let spellings = try loaded.model.spell(images, threads: threads)
    let evaluation = Evaluation(spellings, labels: images.labels, names: names)
    let seconds = start.duration(to: .now).seconds
    evaluation.noteNotFinite()
    let unseen = UnseenScore(loaded.unseen, evaluation, names: names)
    let parts = PartsScore(spellings, images.labels, names: names)
    if json {
      return try Output.json(
        Result(
          dataset: dataset.rawValue, split: split.rawValue, accuracy: evaluation.accuracy, correct: evaluation.correct,
          count: evaluation.count, interval: evaluation.interval.bounds, confusion: evaluation.confusion,
          unseen: unseen, parts: parts, seconds: seconds))
    }
    try Output.result(
      """
      \(["Spelled right: \(evaluation.summary(split, of: dataset))", unseen?.text, parts?.text].compactMap { $0 }
        .joined(separator: "\n"))

      \(names.count <= Evaluation.mostColumns ? evaluation.matrix(names) : evaluation.list(names))

      Words that are no name: \(evaluation.noName.grouped)
      Time: \(seconds.fixed(2)) s
      """)
  }
}

/// A checkpoint's model, and what it was trained on.
struct LoadedModel {
  let model: any SpellingModel
  private let provenance: [String: String]

  /// The names that it was not trained on.
  var unseen: [String] {
    (provenance["unseen"] ?? "").split(separator: "\n").map(String.init).filter(model.configuration.names.contains)
  }

  init(_ file: String, _ kernels: KernelChoice) throws {
    let checkpoint = try Checkpoint(path: file)
    model = try kernels.model(checkpoint)
    provenance = checkpoint.provenance
  }

  /// The images to spell; says so if they are of another kind than those it has learnt from.
  func images(
    _ split: Split, _ options: DataOptions, threads: Int
  ) throws -> (name: Dataset.Name, images: LabelledImages) {
    let trainedOn = provenance["dataset"].flatMap(Dataset.Name.init)
    // Others have not its names.
    let own = trainedOn == .pairs || trainedOn == .shapes ? trainedOn : nil
    let source = try options.source([split], saved: own)
    let part = try source.load(split, names: model.configuration.names.count, threads: threads)
    let (name, images) = (part.name, part.images)
    Output.note("Data: \(part.title), \(source.place), \(images.count.grouped) \(split.rawValue) images")
    if let trainedOn, trainedOn != name {
      Output.note("Note: the model was trained on \(trainedOn.rawValue)")
    }
    images.noteDoubts(name, names: model.configuration.names)
    return (name, images)
  }
}

extension Evaluation {
  /// Says so if there are images for which the model computed no probabilities.
  func noteNotFinite() {
    guard notFinite > 0 else { return }
    Output.note(
      "Note: the weights are too large: for \(notFinite.of("image")) the probabilities are not finite, counted as wrong"
    )
  }

  /// Names that a matrix is still read with.
  fileprivate static let mostColumns = 20

  /// A row for each name: how many of its images were spelled right, and what else was spelled most often.
  fileprivate func list(_ names: [String]) -> String {
    let width = max(6, (names.map(\.columns).max() ?? 0) + 1)
    let words = names + ["no name"]
    let rows = confusion.indices.map { row in
      let (count, correct) = name(row)
      let share = count > 0 ? (Double(correct) / Double(count)).percent : "-"
      let wrong = confusion[row].indices.filter { $0 != row && confusion[row][$0] > 0 }
      let most = wrong.sorted { (confusion[row][$0], $1) > (confusion[row][$1], $0) }.prefix(3)
      let others = most.map { "\(words[$0]) \(confusion[row][$0])" }.joined(separator: ", ")
      return names[row].padded(width) + share.aligned(9) + "  " + "of \(count.grouped)".padded(10) + others
    }
    return (["".padded(width) + "right".aligned(9) + "  " + "".padded(10) + "most often else"] + rows)
      .map(\.trimmedEnd).joined(separator: "\n")
  }

  /// A row for each name: how many of its images were spelled right, and what was spelled.
  fileprivate func matrix(_ names: [String]) -> String {
    let width = max(6, (names.map(\.columns).max() ?? 0) + 1)
    let head = "".padded(width) + "right".aligned(9) + "  " + (names + ["none"]).map { $0.aligned(width) }.joined()
    let rows = confusion.indices.map { row in
      let (count, correct) = name(row)
      let share = count > 0 ? (Double(correct) / Double(count)).percent : "-"
      let cells = confusion[row].map { ($0 == 0 ? "." : "\($0)").aligned(width) }.joined()
      return names[row].padded(width) + share.aligned(9) + "  " + cells
    }
    return ([head] + rows).joined(separator: "\n")
  }
}
