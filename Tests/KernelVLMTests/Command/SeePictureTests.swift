import Foundation
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

/// What `see` says of pictures.
@Suite struct SeePictureTests {
  /// The files of ../Fixtures/Pictures that strangers' sevens are.
  static let sevens = ["black-on-white.png", "black-on-transparent.png", "palette.png", "exif-orientation-6.jpg"]

  static func picture(_ name: String) throws -> String {
    try #require(Bundle.module.url(forResource: "Fixtures/Pictures/\(name)", withExtension: nil)).path
  }

  /// A model that has learnt drawn digits for some thousand images.
  private func withModel(_ body: (_ model: String, _ folder: String) throws -> Void) throws {
    try withTemporaryFolder { folder in
      let model = "\(folder)/model.safetensors"
      let run = try CommandRun(
        "train", "--data", "drawn", "--batch", "32", "--order", "shuffled", "--steps", "1500", "--isa", "baseline",
        "--save", model)
      try #require(run.status == 0, "\(run.errors)")
      try body(model, folder)
    }
  }

  private func objects(_ output: String) throws -> [[String: Any]] {
    try output.split(separator: "\n").map { line in
      try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
  }

  @Test func aSevenIsASevenHoweverItIsStored() throws {
    try withModel { model, _ in
      let files = try Self.sevens.map(Self.picture)
      let run = try CommandRun(["see", model, "--json"] + files)
      #expect(run.status == 0, "\(run.errors)")
      let found = try objects(run.output)
      #expect(found.compactMap { $0["file"] as? String } == files)
      #expect(found.compactMap { $0["word"] as? String } == files.map { _ in "seven" })
    }
  }

  @Test func anObjectHasTheBoxTheWordAndWholeDistributions() throws {
    try withModel { model, _ in
      let file = try Self.picture("black-on-white.png")
      let seen = try #require(try objects(CommandRun("see", model, "--json", file).output).first)
      #expect(
        Set(seen.keys) == [
          "file", "index", "box", "word", "probability", "sure", "name_probabilities", "letters",
        ])
      let box = try #require(seen["box"] as? [Int])
      #expect(zip(box, [85, 149, 286, 308]).allSatisfy { abs($0 - $1) <= 2 }, "\(box)")
      let letters = try #require(seen["letters"] as? [[String: Any]])
      #expect(letters.compactMap { $0["letter"] as? String } == ["s", "e", "v", "e", "n", "EOS"])
      var product = 1.0
      for letter in letters {
        let distribution = try #require(letter["distribution"] as? [String: Double])
        let (name, probability) = (letter["letter"] as? String, letter["probability"] as? Double)
        #expect(distribution.count == 17 && abs(distribution.values.reduce(0, +) - 1) < 1e-5)
        #expect(distribution[name ?? ""] == probability)
        product *= probability ?? 0
      }
      let probability = try #require(seen["probability"] as? Double)
      #expect(abs(probability - product) < 1e-12)
      #expect(seen["sure"] as? Bool == (probability >= Spelling.sure))
      // Computed anew with the whole word given.
      let names = try #require(seen["name_probabilities"] as? [String: Double])
      #expect(names.count == 10 && abs((names["seven"] ?? 0) - probability) < 1e-4)
    }
  }

  @Test func onRequestItHasWhatLedToTheWord() throws {
    try withModel { model, _ in
      let file = try Self.picture("palette.png")
      let seen = try #require(try objects(CommandRun("see", model, "--json", "--trace", file).output).first)
      #expect((seen["features"] as? [Double])?.count == 28)
      let attention = try #require(seen["attention"] as? [[[[Double]]]])
      #expect(attention.count == 6 && attention[0].count == 1 && attention[0][0].count == 4)
      #expect(attention.indices.allSatisfy { step in attention[step][0].allSatisfy { $0.count == 28 + 1 + step } })
      let pixels = try #require(seen["pixels"] as? [[Int]])
      #expect(pixels.count == 28 && pixels.allSatisfy { $0.count == 28 })
      #expect(pixels.joined().contains { $0 > 200 })
    }
  }

  @Test func theTextShowsTheImageTheWordAndEachLetter() throws {
    try withModel { model, _ in
      let file = try Self.picture("black-on-white.png")
      let run = try CommandRun("see", model, file)
      let lines = run.output.split(separator: "\n", omittingEmptySubsequences: false)
      #expect(lines[0] == file && lines.allSatisfy { $0.count <= 80 || $0 == lines[0] })
      #expect(lines[2].contains("seven") && lines[2].contains("%  or "))
      #expect(lines[3].contains("rows ") && lines[3].contains(", columns "))
      #expect(["s", "e", "v", "e", "n", "EOS"].indices.allSatisfy { lines[5 + $0].contains(" % ") })
      #expect(run.output.contains("█"))
    }
  }

  @Test func severalDigitsAreReadOneAfterTheOther() throws {
    try withModel { model, folder in
      // Two drawn digits as they are, 28 pixels a digit, enlarged by three, beside each other.
      let digits = DrawnDigits().images(.test, 0..<2)
      var pixels: [UInt8] = []
      for row in 0..<84 {
        for column in 0..<168 {
          pixels.append(255 - digits.images[column / 84 * 784 + row / 3 * 28 + column % 84 / 3])
        }
      }
      let path = "\(folder)/two.png"
      try write(greyPNG(pixels, height: 84, width: 168), to: path)
      let text = try CommandRun("see", model, path)
      #expect(text.output.hasPrefix("\(path): 2 digits\n"), "\(text.output)")
      let found = try objects(CommandRun("see", model, "--json", path).output)
      #expect(found.compactMap { $0["index"] as? Int } == [0, 1])
      let words = found.compactMap { $0["word"] as? String }
      #expect(text.output.hasSuffix("\nRead: \(words.joined(separator: " "))\n"))
      #expect(words == digits.labels.map { Vocabulary.digitNames[Int($0)] })
      let single = try objects(CommandRun("see", model, "--json", "--single", path).output)
      let box = try #require(single.first?["box"] as? [Int])
      #expect(single.count == 1 && box[1] < 84 && box[3] > 84)
    }
  }

  @Test func foldersAndStandardInputArePictures() throws {
    try withModel { model, folder in
      let pictures = "\(folder)/pictures"
      try FileManager.default.createDirectory(atPath: "\(pictures)/more", withIntermediateDirectories: true)
      for (name, place) in [("palette.png", "more/b.png"), ("black-on-white.png", "a.PNG")] {
        try FileManager.default.copyItem(atPath: try Self.picture(name), toPath: "\(pictures)/\(place)")
      }
      let found = try objects(CommandRun("see", model, "--json", pictures).output)
      #expect(found.compactMap { $0["file"] as? String } == ["\(pictures)/a.PNG", "\(pictures)/more/b.png"])
      let file = try Self.picture("palette.png")
      let piped = try CommandRun(["see", model, "--json", "-"], shell: "exec \"$0\" \"$@\" < '\(file)'")
      let object = try #require(try objects(piped.output).first)
      #expect(object["file"] as? String == "standard input" && object["word"] as? String == found[1]["word"] as? String)
      let none = try CommandRun("see", model, "\(folder)/nowhere.png")
      #expect(none.status == 66 && none.errors.hasPrefix("Error: \(folder)/nowhere.png: "))
    }
  }

  @Test func whatCannotBeReadIsReportedAndTheOthersGoOn() throws {
    try withModel { model, _ in
      let files = try ["blank.png", "palette.png", "html-as.png"].map(Self.picture)
      for form in [[], ["--json"]] {
        let run = try CommandRun(["see", model] + form + files)
        #expect(run.status == 65 && run.output.contains("palette.png"))
        let errors = run.errors.split(separator: "\n").filter { $0.hasPrefix("Error: ") }
        #expect(errors.count == 2, "\(run.errors)")
        #expect(errors[0].hasPrefix("Error: \(files[0]): expected ink that stands out"))
        #expect(errors[1].hasPrefix("Error: \(files[2]): expected a PNG or JPEG picture, found an HTML page"))
      }
    }
  }

  @Test func aWordThatIsNotSureIsMarkedAndNoted() throws {
    try withTemporaryFolder { folder in
      let model = "\(folder)/model.safetensors"
      try #require(try CommandRun("train", "--data", "drawn", "--steps", "40", "--save", model).status == 0)
      let file = try Self.picture("palette.png")
      let run = try CommandRun("see", model, file)
      #expect(run.status == 0 && run.output.contains(" ?"))
      #expect(run.errors.contains("Note: \(file): not sure of it: no name, or below 90 %"))
      let seen = try #require(try objects(CommandRun("see", model, "--json", file).output).first)
      #expect(seen["sure"] as? Bool == false)
    }
  }

  @Test(arguments: [
    ["--index", "1", "a.png"], ["--data", "drawn", "a.png"], ["--single", "--whole", "a.png"], ["--trace", "a.png"],
    ["--single"], ["--json", "--trace"], ["-", "-"],
  ])
  func optionsThatDoNotGoTogetherAreRefused(arguments: [String]) throws {
    let run = try CommandRun(["see", "model"] + arguments)
    #expect(run.status == 64 && run.output.isEmpty, "\(run.errors)")
  }
}

/// A PNG of 8-bit grey, in one stored block of deflate.
func greyPNG(_ pixels: [UInt8], height: Int, width: Int) -> [UInt8] {
  func word(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }
  func chunk(_ type: String, _ content: [UInt8]) -> [UInt8] {
    let body = Array(type.utf8) + content
    return word(content.count) + body + word(Int(crc32(body)))
  }
  let rows = (0..<height).flatMap { [0] + pixels[$0 * width..<($0 + 1) * width] }
  var (a, b) = (1, 0)
  for byte in rows {
    a = (a + Int(byte)) % 65521
    b = (b + a) % 65521
  }
  precondition(rows.count < 65536, "one stored block holds 65,535 bytes")
  let length = [UInt8(rows.count & 255), UInt8(rows.count >> 8)]
  let stored: [UInt8] = [0x78, 1, 1] + length + length.map { ~$0 } + rows + word(b << 16 | a)
  return [0x89] + Array("PNG\r\n".utf8) + [0x1A, 0x0A]
    + chunk("IHDR", word(width) + word(height) + [8, 0, 0, 0, 0]) + chunk("IDAT", stored) + chunk("IEND", [])
}
