import ArgumentParser
import KernelVLM

extension DataCommand {
  struct Write: ParsableCommand, NotingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write images that are made here as IDX files.",
      discussion: """
        kernelvlm data write shapes --output shapes
        kernelvlm data write pairs --output pairs

        Four raw files of MNIST's names and names.txt, which --data reads and others can. Nothing is replaced.
        """)

    /// What is made here.
    enum Source: String, ExpressibleByArgument, CaseIterable {
      case drawn, pairs, shapes
    }

    @Argument(help: "Digits drawn from a seed, two digits side by side, or drawn shapes.")
    var source: Source

    @Option(help: ArgumentHelp("Where to; it is made if it is not there.", valueName: "folder"))
    var output: String

    @OptionGroup var noteOptions: NoteOptions

    func run() throws {
      let dataset = try DataOptions.source(source.rawValue).load()
      try dataset.write(to: output)
      try Output.result(
        """
        Wrote \(dataset.train.count.grouped) training and \(dataset.test.count.grouped) test images of \
        \(dataset.title), \(dataset.train.size) pixels, to \(output)
        """)
    }
  }
}
