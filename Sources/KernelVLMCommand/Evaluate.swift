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
    if json {
      return try Output.json(
        Result(
          dataset: dataset.rawValue, split: split.rawValue, accuracy: evaluation.accuracy, correct: evaluation.correct,
          count: evaluation.count, interval: evaluation.interval.bounds, confusion: evaluation.confusion,
          seconds: seconds))
    }
    try Output.result(
      """
      Spelled right: \(evaluation.summary(split, of: dataset))

      \(evaluation.table(names))

      Words that are no digit's name: \(evaluation.noName.grouped)
      Time: \(seconds.fixed(2)) s
      """)
  }
}

/// A checkpoint's model, and what it was trained on.
struct LoadedModel {
  let model: any SpellingModel
  private let provenance: [String: String]

  init(_ file: String, _ kernels: KernelChoice) throws {
    let checkpoint = try Checkpoint(path: file)
    model = try kernels.model(checkpoint)
    provenance = checkpoint.provenance
  }

  /// The images to spell; says so if they are of another kind than those it has learnt from.
  func images(
    _ split: Split, _ options: DataOptions, threads: Int
  ) throws -> (name: Dataset.Name, images: LabelledImages) {
    let source = try options.source([split])
    let part = try source.load(split, names: model.configuration.names.count, threads: threads)
    let (name, images) = (part.name, part.images)
    Output.note("Data: \(part.title), \(source.place), \(images.count.grouped) \(split.rawValue) images")
    if let trainedOn = provenance["dataset"].flatMap(Dataset.Name.init), trainedOn != name {
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

  /// A row for each name: how many of its images were spelled right, and what was spelled.
  fileprivate func table(_ names: [String]) -> String {
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
