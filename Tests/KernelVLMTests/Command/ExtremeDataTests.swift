import Foundation
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

/// Images and weights at the edge of what there is: no NaN, or a clear stop.
@Suite struct ExtremeDataTests {
  /// Four images each; `side` 28 but for the last.
  static let images: [(name: String, side: Int, pixels: @Sendable (_ image: Int, _ pixel: Int) -> UInt8)] = [
    ("black", 28, { _, _ in 0 }),
    ("white", 28, { _, _ in 255 }),
    ("a single dark grey pixel", 28, { image, pixel in pixel == 100 * image + 33 ? 1 : 0 }),
    ("all the same", 28, { _, pixel in UInt8(pixel * 37 % 256) }),
    ("black but for one", 28, { image, pixel in image == 2 && pixel % 5 == 0 ? 200 : 0 }),
    ("images of one pixel", 1, { image, _ in UInt8(image * 85) }),
  ]

  static let backends: [[String]] =
    InstructionSet.available.map { ["--isa", $0.rawValue] }
    + [["--backend", "reference"], ["--backend", "reference", "--precision", "double"]]

  @Test(arguments: images.indices, backends) func extremeImagesTrainToFiniteNumbers(index: Int, backend: [String])
    throws
  {
    let (name, side, pixels) = Self.images[index]
    try withImages(side: side, pixels) { data in
      // A batch of more images than there are has each of them more than once.
      for batch in ["1", "9"] {
        let model = "\(data)/model"
        var arguments =
          ["train", "--data", data, "--steps", "100", "--batch", batch, "--save", model, "--json"] + backend
        if side == 1 { arguments += ["--image-size", "1"] }
        let run = try CommandRun(arguments)
        #expect(run.status == 0, "\(name): \(run.errors)")
        let loss = try #require(try run.json()["final_text_loss"] as? Double)
        #expect(loss.isFinite && loss >= 0)
        #expect(!run.errors.lowercased().contains("nan"))
        let see = try CommandRun(["see", model, "--data", data, "--json"] + backend).json()
        for token in try #require(see["tokens"] as? [[String: Any]]) {
          #expect((0...1).contains(try #require(token["probability"] as? Double)))
        }
      }
    }
  }

  /// Rates from bold to absurd: the run ends well, or with status 70 and a tensor's name; what is saved is the model that
  /// as many steps make which all end well.
  @Test(arguments: ["1e3", "1e10", "1e30", "1e38", "1e300"], backends)
  func aRateThatIsTooLargeStopsAtTheLastGoodParameters(rate: String, backend: [String]) throws {
    try withImages(side: 28, { image, pixel in UInt8((image * 61 + pixel * 37) % 256) }) { data in
      let model = "\(data)/model"
      let arguments = ["train", "--data", data, "--learning-rate", rate, "--json"] + backend
      let run = try CommandRun(arguments + ["--steps", "300", "--save", model])
      if run.status == 0 {
        #expect((try run.json()["final_text_loss"] as? Double)?.isFinite == true)
      } else {
        #expect(run.status == 70, "\(run.errors)")
        #expect(
          run.errors.contains(/Error: .* finite .*step [0-9]+; the parameters are those before it\n/), "\(run.errors)")
      }
      let checkpoint = try Checkpoint(path: model)
      let steps = try #require(checkpoint.provenance["steps"].flatMap { Int($0) })
      #expect(run.errors.contains("Saved after \(steps.formatted(.number.grouping(.never))) step"))
      if steps > 0 {
        var hash = SHA256()
        for tensor in checkpoint.tensors { hash.update(Array(tensor.bytes)) }
        let good = try CommandRun(arguments + ["--steps", "\(steps)"])
        #expect(try good.status == 0 && good.json()["weights_sha256"] as? String == hash.hex())
      }
    }
  }

  /// Finite weights whose products are not.
  @Test(arguments: backends) func weightsThatAreTooLargeAreSaidToBe(backend: [String]) throws {
    try withImages(side: 28, { image, pixel in UInt8((image + pixel) % 256) }) { data in
      let path = "\(data)/model"
      try #require(try CommandRun("train", "--data", data, "--steps", "1", "--save", path).status == 0)
      let trained = try Safetensors.load(path)
      for (magnitude, isTooLarge) in [(1e3 as Float, false), (1e30, true)] {
        let isDouble = backend.contains("double")
        let huge = Safetensors(
          metadata: trained.metadata,
          tensors: trained.tensors.map { tensor in
            let values = tensor.values(as: Double.self).map { $0 * Double(magnitude) }
            // In Double 1e30 is nothing much.
            return isDouble
              ? .init(tensor.name, shape: tensor.shape, values: isTooLarge ? values.map { $0 * 1e100 } : values)
              : .init(tensor.name, shape: tensor.shape, values: values.map(Float.init))
          })
        try huge.save(path)
        let evaluate = try CommandRun(["evaluate", path, "--data", data, "--json"] + backend)
        #expect(evaluate.status == 0, "\(evaluate.errors)")
        let counted = evaluate.errors.contains("for 4 images the probabilities are not finite, counted as wrong")
        #expect(counted == isTooLarge, "\(evaluate.errors)")
        if isTooLarge { #expect(try evaluate.json()["correct"] as? Int == 0) }
        for arguments in [["see", path, "--data", data], ["see", path, "--data", data, "--json"]] {
          let see = try CommandRun(arguments + backend)
          #expect(see.status == (isTooLarge ? 65 : 0), "\(see.errors)")
          #expect(see.errors.contains("expected finite probabilities, found NaN for image 0") == isTooLarge)
          #expect(!see.output.lowercased().contains("nan "))
        }
      }
    }
  }

  /// MNIST's four files with four images each, of labels 0, 1, 2, 3.
  private func withImages(
    side: Int, _ pixels: (_ image: Int, _ pixel: Int) -> UInt8, _ body: (_ data: String) throws -> Void
  ) throws {
    try withTemporaryFolder { folder in
      let images = (0..<4).flatMap { image in (0..<side * side).map { pixels(image, $0) } }
      for file in MNIST.files {
        let content = file.rank == 1 ? idxFile([4], [0, 1, 2, 3]) : idxFile([4, side, side], images)
        try write(content, to: file.path(in: folder))
      }
      try body(folder)
    }
  }
}
