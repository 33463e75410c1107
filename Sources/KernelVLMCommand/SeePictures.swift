import ArgumentParser
import Foundation
import KernelVLM

extension See {
  /// Spells all digits of all pictures. What cannot be read is reported, and the others go on; the exit status at the end is
  /// that of the first failure.
  func seePictures() throws {
    let inputs = try PictureInput.all(pictures)
    let loaded = try LoadedModel(file, kernelOptions.choice())
    let size = loaded.model.configuration.pictureSize
    var status: Int32?
    var progress = ProgressLine()
    for (index, input) in inputs.enumerated() {
      do {
        let digits = try input.images(cut, size: size).map { try SeenDigit($0, size: size, loaded.model) }
        guard digits.allSatisfy({ $0.trace.spelling.isFinite }) else {
          throw FileError(.malformed, path: file, "expected finite probabilities, found NaN: the weights are too large")
        }
        progress.clear()
        try report(digits, of: input.name, loaded.model.vocabulary, isFirst: index == 0)
      } catch let error as OutputError {
        throw error
      } catch {
        guard let failure = Failure(error) else { throw error }
        progress.clear()
        Output.error("Error: \(failure.message)")
        status = status ?? failure.status
      }
      if inputs.count > 1 {
        progress.show(index + 1, of: inputs.count, "\((index + 1).grouped)/\(inputs.count.of("picture"))")
      }
    }
    progress.clear()
    if let status { throw ExitCode(status) }
  }

  private var cut: PictureCut { single ? .single : whole ? .whole : .digits }

  private func report(_ digits: [SeenDigit], of name: String, _ vocabulary: Vocabulary, isFirst: Bool) throws {
    if json {
      for (index, digit) in digits.enumerated() {
        try Output.json(digit.record(name, index, vocabulary, isTraced: trace))
      }
    } else {
      let title = digits.count == 1 ? name : "\(name): \(digits.count.of("digit"))"
      let words = digits.count == 1 ? [] : ["", "Read: " + digits.map(\.word).joined(separator: " ")]
      let texts = digits.flatMap { ["", $0.text(vocabulary)] }
      try Output.result(((isFirst ? [] : [""]) + [title] + texts + words).joined(separator: "\n"))
    }
    let doubtful = digits.indices.filter { !digits[$0].isSure }
    guard !doubtful.isEmpty else { return }
    let which = digits.count == 1 ? "it" : doubtful.map { "digit \($0 + 1)" }.joined(separator: ", ")
    Output.note("Note: \(name): not sure of \(which): no name, or below \((100 * Spelling.sure).fixed(0)) %")
  }
}

extension ModelConfiguration {
  /// The size of the images that pictures become: the model's own, or the least multiple of it whose shorter edge has 28
  /// pixels.
  var pictureSize: ImageSize {
    let shorter = max(1, min(imageSize.height, imageSize.width))
    let factor = max(1, (28 + shorter - 1) / shorter)
    return ImageSize(factor * imageSize.height, factor * imageSize.width)
  }
}
