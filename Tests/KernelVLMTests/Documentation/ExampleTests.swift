import Foundation
import KernelVLM
import ReferenceKernels
import Testing

/// The examples of the libraries' pages, as they stand there.
struct ExampleTests {
  static let side = 16

  /// A bar (label 0) or a ring (label 1), somewhere near the middle.
  private func picture(_ label: UInt8, _ number: Int) -> [UInt8] {
    let (x, y) = (6 + number % 5, 6 + number / 5 % 5)
    return (0..<Self.side * Self.side).map { index in
      let (dx, dy) = (index % Self.side - x, index / Self.side - y)
      let isInk = label == 0 ? abs(dx) <= 1 && abs(dy) <= 5 : (9...25).contains(dx * dx + dy * dy)
      return isInk ? 255 : 0
    }
  }

  @Test func itDoesWhatThePageSays() throws {
    let labels = (0..<50).map { UInt8($0 % 2) }
    let bytes = labels.enumerated().flatMap { picture($1, $0) }
    let image = picture(1, 12)
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).safetensors").path
    defer { try? FileManager.default.removeItem(atPath: file) }

    var configuration = ModelConfiguration()
    configuration.names = ["bar", "ring"]
    configuration.imageSize = 8
    let images = try LabelledImages(bytes: bytes, size: ImageSize(16, 16), labels: labels, names: 2)
    let session = try KernelChoice().train(configuration, recipe: Recipe(steps: 1000), images: images)
    try session.finish()
    let model = session.model

    // One image, whose name nobody knows.
    let spelling = try model.spell(image, size: ImageSize(16, 16))
    print(spelling.word)  // ring

    // How it came to that: the features that it saw, and for each letter all that it might have written and where it
    // looked.
    let trace = try model.trace(image, size: ImageSize(16, 16))
    for step in trace.steps {
      for (symbol, probability) in zip(model.vocabulary.symbols, step.distribution) where probability > 0.01 {
        print(symbol, probability)
      }
      let looks = step.attention[0][3]  // layer 0, head 3: at the image, then at BOS and the letters so far
      print(looks.prefix(configuration.features).reduce(0, +))
    }

    // How likely another name would have been.
    let bar = try model.probability(of: "bar", image, size: ImageSize(16, 16))

    try Checkpoint(model, provenance: ["author": "me"]).save(file)
    let same = try KernelChoice().model(Checkpoint(path: file))

    #expect(spelling.word == "ring" && spelling.isFinite)
    #expect(try model.evaluate(images).accuracy == 1)
    #expect(trace.spelling == spelling && trace.features.count == configuration.features)
    for (index, step) in trace.steps.enumerated() {
      #expect(abs(step.distribution.reduce(0, +) - 1) < 1e-5)
      #expect(abs(step.distribution[Int(spelling.tokens[index])] - spelling.probabilities[index]) < 1e-6)
      #expect(step.attention.count == 1 && step.attention[0].count == 4)
      for head in step.attention[0] {
        #expect(head.count == configuration.features + 1 + index && abs(head.reduce(0, +) - 1) < 1e-5)
      }
    }
    let ring = try model.probability(of: "ring", image, size: ImageSize(16, 16))
    #expect(abs(ring - spelling.probabilities.reduce(1, *)) < 1e-5)
    #expect(bar > 0 && bar + ring < 1 + 1e-6)
    #expect(same.weightsSHA256 == model.weightsSHA256)
  }

  @Test func theCoreDoesItAlone() throws {
    let labels = (0..<50).map { UInt8($0 % 2) }
    let bytes = labels.enumerated().flatMap { picture($1, $0) }
    let images = try LabelledImages(bytes: bytes, size: ImageSize(16, 16), labels: labels, names: 2)
    var configuration = ModelConfiguration()
    configuration.names = ["bar", "ring"]
    configuration.imageSize = 8

    let model = try VisionLanguageModel(configuration, kernels: CKernels())
    model.drawParameters(seed: 42)
    let trainer = try Trainer(model, recipe: Recipe(steps: 1000), images: images)
    for _ in 0..<1000 { _ = try trainer.step() }

    let fast = CKernels(.avx2)  // nil if this processor has no AVX2
    let plain = Reference<Double>()

    let session = try KernelChoice().train(configuration, recipe: Recipe(steps: 1000), images: images)
    try session.finish()
    #expect(model.weightsSHA256 == session.model.weightsSHA256)
    #expect((fast != nil) == InstructionSet.available.contains(.avx2))
    let zero = Buffer<Double>(count: 3)
    #expect(withExtendedLifetime(zero) { plain.squaredNorm(zero.all) } == 0)
  }

  @Test func aPictureBecomesImages() throws {
    var sheet = Sheet(200, 300)
    sheet.ring(60..<120, 60..<100)
    sheet.ring(60..<120, 160..<200)
    let photograph = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).png").path
    defer { try? FileManager.default.removeItem(atPath: photograph) }
    try write(greyPNG(sheet.picture.pixels, height: 200, width: 300), to: photograph)
    let model = try VisionLanguageModel(ModelConfiguration(), kernels: CKernels())
    model.drawParameters(seed: 42)

    for image in try GreyPicture(path: photograph).images(.digits, size: ImageSize(28, 28)) {
      let spelling = try model.spell(image.pixels, size: ImageSize(28, 28))
      print(spelling.word, spelling.probability, image.box)
    }

    #expect(sheet.boxes.count == 2)
  }

  /// Every Swift example of the pages is compiled and run above, as it stands.
  @Test(arguments: ["KernelVLM/KernelVLM.docc/KernelVLM.md", "KernelVLMCore/KernelVLMCore.docc/TheKernels.md"])
  func thePagesHaveTheseExamples(page: String) throws {
    let source = try String(contentsOfFile: #filePath, encoding: .utf8)
    let text = try String(contentsOf: LinkTests.root.appendingPathComponent("Sources/\(page)"), encoding: .utf8)
    let examples = text.matches(of: #/```swift\n(?:import \w+\n\n)?((?:.*\n)+?)```/#).map { $0.1 }
    #expect(!examples.isEmpty)
    for example in examples {
      let lines = example.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
      let indented = lines.map { $0.isEmpty ? "" : "    " + $0 }.joined(separator: "\n")
      #expect(source.contains(indented), "an example of \(page) that is not run")
    }
  }

  @Test func whatIsNotOneImageIsRefused() throws {
    let model = try VisionLanguageModel(ModelConfiguration(), kernels: CKernels())
    #expect(throws: ConfigurationError("number of images", value: 2, rule: "1")) {
      _ = try model.spell([UInt8](repeating: 0, count: 2 * 28 * 28), size: ImageSize(28, 28))
    }
    #expect(throws: ConfigurationError("number of images", value: 0, rule: "1")) {
      _ = try model.trace([], size: ImageSize(28, 28))
    }
    #expect(
      throws: ConfigurationError(
        "number of bytes", value: 3, rule: "a multiple of 784, the pixels of an image")
    ) { _ = try model.probability(of: "one", [1, 2, 3], size: ImageSize(28, 28)) }
    #expect(throws: ConfigurationError.self) {
      _ = try model.probability(of: "dog", [UInt8](repeating: 0, count: 784), size: ImageSize(28, 28))
    }
  }
}
