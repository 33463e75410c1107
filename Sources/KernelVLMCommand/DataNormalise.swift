import ArgumentParser
import KernelVLM

extension DataCommand {
  struct Normalise: ParsableCommand, NotingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a data set of pictures, named by the folders they are in.",
      discussion: """
        kernelvlm data normalise animals --output data        of animals/cats/1.png, animals/dogs/1.jpg, …
        kernelvlm train --preset lean --data data --save animals.safetensors
        kernelvlm see animals.safetensors cat.png

        Each picture becomes one image, normalised as 'kernelvlm see' does it, with the name of the folder that it is \
        in. Folders called 0 to 9 are taken for zero to nine. So many of each name as --test-share says are put aside \
        to be judged by. Four raw files of MNIST's names and names.txt are written; nothing is replaced.

        A photograph of things that are no ink on paper is taken as it is with --cut whole, here and with 'see --whole'.
        """)

    @Argument(help: "PNG or JPEG pictures, and folders of them.")
    var pictures: [String]

    @Option(help: ArgumentHelp("Where to; it is made if it is not there.", valueName: "folder"))
    var output: String

    @Option(
      help: """
        What of a picture becomes an image: all ink as a single digit, each of the digits on it, or the whole picture \
        as it is.
        """)
    var cut = PictureCut.single

    @Option(help: ArgumentHelp("Rows and columns of the images, 8 to 1024.", valueName: "pixels"))
    var imageSize = 28

    @Option(help: ArgumentHelp("The share of each name's pictures that is for testing, 0 to 1.", valueName: "share"))
    var testShare = 0.2

    @Flag(help: "Leave out pictures that cannot be read or have no ink, instead of stopping.")
    var skipBad = false

    @OptionGroup var noteOptions: NoteOptions

    func validate() throws {
      guard 8...LabelledImages.greatestEdge ~= imageSize else {
        throw ValidationError("--image-size is \(imageSize), must be 8 to \(LabelledImages.greatestEdge)")
      }
      guard 0...1 ~= testShare else { throw ValidationError("--test-share is \(testShare), must be 0 to 1") }
      if pictures.contains("-") {
        throw ValidationError("standard input has no folder that names it: give files or folders")
      }
    }

    func run() throws {
      let inputs = try PictureInput.all(pictures)
      let (images, bad) = try read(inputs)
      guard bad.isEmpty || skipBad else { throw ExitCode(bad[0].status) }
      guard !images.isEmpty else {
        throw FileError(.malformed, path: pictures[0], "expected at least one picture that can be read, found none")
      }
      let named = try NamedPictures(images.map(\.path))
      if named.areNumerals { Output.note("Note: the folders 0 to 9 are named zero to nine") }
      let dataset = dataset(images.map(\.pixels), named)
      try dataset.write(to: output)
      for (split, part) in [("training", dataset.train), ("test", dataset.test)] where part.count == 0 {
        Output.note("Note: there are no \(split) images, and no files for them")
      }
      try Output.result(summary(dataset, leftOut: bad.count))
    }

    /// The images of all pictures, and why others have none; these are listed on standard error, but for very many.
    private func read(
      _ inputs: [PictureInput]
    ) throws -> (images: [(path: String, pixels: [UInt8])], bad: [Failure]) {
      let mostListed = 20
      var (images, bad): ([(String, [UInt8])], [Failure]) = ([], [])
      var progress = ProgressLine()
      for (index, input) in inputs.enumerated() {
        do {
          let size = ImageSize(imageSize, imageSize)
          images += try input.images(cut, size: size).map { (input.name, $0.pixels) }
        } catch {
          guard let failure = Failure(error) else { throw error }
          bad.append(failure)
          if bad.count <= mostListed {
            progress.clear()
            Output.error("\(skipBad ? "Left out" : "Error"): \(failure.message)")
          }
        }
        progress.show(index + 1, of: inputs.count, "\((index + 1).grouped)/\(inputs.count.of("picture"))")
      }
      progress.clear()
      if bad.count > mostListed { Output.error("… and \((bad.count - mostListed).grouped) more") }
      return (images, bad)
    }

    private func dataset(_ images: [[UInt8]], _ named: NamedPictures) -> Dataset {
      let areTest = named.areTest(share: testShare)
      func part(_ isTest: Bool) -> LabelledImages {
        let chosen = images.indices.filter { areTest[$0] == isTest }
        return LabelledImages(
          images: chosen.flatMap { images[$0] }, labels: chosen.map { named.labels[$0] },
          size: ImageSize(imageSize, imageSize))
      }
      return Dataset(name: .custom, names: named.names, train: part(false), test: part(true))
    }

    private func summary(_ dataset: Dataset, leftOut: Int) -> String {
      let width = max(8, (dataset.names.map(\.columns).max() ?? 0) + 1)
      let rows = dataset.names.enumerated().map { label, name in
        let counts = [dataset.train, dataset.test].map { part in part.labels.count { $0 == label } }
        return name.padded(width) + counts.map { $0.grouped.aligned(9) }.joined()
      }
      return """
        \("".padded(width) + ["train", "test"].map { $0.aligned(9) }.joined())
        \(rows.joined(separator: "\n"))

        Wrote \(dataset.train.count.grouped) training and \(dataset.test.count.grouped) test images of \
        \(imageSize) x \(imageSize) pixels to \(output)\(leftOut > 0 ? ", without \(leftOut.of("picture"))" : "")
        Next: kernelvlm \(dataset.train.count > 0 ? "train" : "evaluate MODEL") --data \(output.quotedForShell)
        """
    }
  }
}
