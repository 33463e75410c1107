import Foundation
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

/// Data sets that are made here, alone or of digits from files.
struct MadeDataTests {
  /// Four training and two test digits of 1 x 3 pixels.
  private func withDigits(names: String? = nil, _ body: (_ folder: String) throws -> Void) throws {
    try withTemporaryFolder { folder in
      try write(idxFile([4, 1, 3], Array(1...12)), to: "\(folder)/train-images-idx3-ubyte")
      try write(idxFile([4], [1, 2, 3, 4]), to: "\(folder)/train-labels-idx1-ubyte")
      try write(idxFile([2, 1, 3], Array(21...26)), to: "\(folder)/t10k-images-idx3-ubyte")
      try write(idxFile([2], [5, 6]), to: "\(folder)/t10k-labels-idx1-ubyte")
      if let names { try write(Array(names.utf8), to: "\(folder)/names.txt") }
      try body(folder)
    }
  }

  private func request(_ option: String?, _ variable: String?) throws -> DataSource.Request {
    try DataSource.Request(option, environment: variable.map { ["KERNELVLM_DATA": $0] } ?? [:])
  }

  @Test func whatIsAskedFor() throws {
    let (drawn, shapes) = (DataSource.drawn(seed: 42), DataSource.shapes(seed: 42))
    #expect(try request(nil, nil) == .digits(folder: nil, arePaired: false))
    #expect(try request("a", "b") == .digits(folder: "a", arePaired: false))
    #expect(try request(nil, "b") == .digits(folder: "b", arePaired: false))
    #expect(try request("drawn", "b") == .made(drawn))
    #expect(try request("shapes", "b") == .made(shapes))
    #expect(try request(nil, "drawn") == .made(drawn))
    #expect(try request(nil, "shapes") == .made(shapes))
    // The digits of pairs are those that there would be without the option.
    #expect(try request("pairs", "b") == .digits(folder: "b", arePaired: true))
    #expect(try request("pairs", "drawn") == .made(.pairs(of: drawn)))
    for (option, variable) in [("pairs", nil), ("pairs", ""), ("pairs", "pairs"), (nil, "pairs")] {
      #expect(try request(option, variable) == .digits(folder: nil, arePaired: true))
    }
    let error = fileError { _ = try request("pairs", "shapes") }
    #expect(error == FileError(.malformed, path: "pairs", "expected digits to pair, found shapes"))
  }

  @Test func pairsAreMadeOfTheDigitsOfAFolder() throws {
    try withDigits(names: Vocabulary.digitNames.joined(separator: "\n")) { folder in
      let source = try DataSource.resolve("pairs", environment: ["KERNELVLM_DATA": folder])
      #expect(source == .pairs(of: .folder(folder)) && source.files == DataSource.folder(folder).files)
      let (data, digits) = (try source.load(), try DataSource.folder(folder).load())
      #expect(data.name == .pairs && data.base == .custom && data.title == "pairs of custom")
      #expect(data.names == NumberNames.belowHundred && data.train.count == 8 && data.test.count == 2)
      #expect(data.train == (try DigitPairs().images(.train, of: digits.train)))
      #expect(data.test == (try DigitPairs().images(.test, of: digits.test)))
      #expect(try source.load(.test).title == "pairs of custom")
    }
  }

  @Test func pairsOfDrawnDigitsSayOfWhat() throws {
    let part = try DataSource.pairs(of: .drawn(seed: 42)).load(.test)
    #expect(part.name == .pairs && part.base == .drawn && part.images.count == 10_000)
    #expect(part.images.size == ImageSize(28, 56))
  }

  @Test func onlyDigitsArePaired() throws {
    try withDigits(names: "cat\ndog\na\nb\nc\nd\ne\nf\ng\nh\n") { folder in
      let error = fileError { _ = try DataSource.pairs(of: .folder(folder)).load() }
      #expect(error?.kind == .malformed && error?.path == "\(folder)/names.txt")
      #expect(
        error?.problem.hasPrefix("expected the names of the ten digits, zero to nine, to pair, found \"cat\", ") == true
      )
    }
    try withDigits { folder in
      try write(idxFile([4], [1, 2, 3, 10]), to: "\(folder)/train-labels-idx1-ubyte")
      let label = fileError { _ = try DataSource.pairs(of: .folder(folder)).load() }
      #expect(label?.problem == "expected labels of 0 to 9, found 10 at index 3")
      let path = "\(folder)/t10k-images-idx3-ubyte"
      try write(idxFile([2, 1, 600], [UInt8](repeating: 1, count: 1200)), to: path)
      let wide = fileError { _ = try DataSource.pairs(of: .folder(folder)).load(.test) }
      #expect(
        wide
          == FileError(.malformed, path: path, "expected width of the images at most 512, to be paired, found 600"))
    }
    for source in [DataSource.shapes(seed: 1), .pairs(of: .drawn(seed: 1))] {
      #expect(fileError { _ = try DataSource.pairs(of: source).load(.test) }?.kind == .malformed)
    }
  }

  /// The sizes of the digits that are paired are compared, in the file that has them.
  @Test func pairsOfTrainAndTestHaveOneSize() throws {
    try withDigits { folder in
      try write(idxFile([2, 3, 1], Array(21...26)), to: "\(folder)/t10k-images-idx3-ubyte")
      let error = fileError { _ = try DataSource.pairs(of: .folder(folder)).load() }
      #expect(
        error
          == FileError(
            .malformed, path: "\(folder)/t10k-images-idx3-ubyte",
            "expected test images of 1 x 6 as in train, found 3 x 2"))
    }
  }

  @Test func shapesAreADataSetWithNames() throws {
    let data = try DataSource.shapes(seed: 42).load()
    #expect(data.name == .shapes && data.base == nil && data.title == "shapes" && data.names == DrawnShapes.names)
    #expect(data.train.count == 20_000 && data.test.count == 4000 && data.test.size == ImageSize(24, 32))
  }
}
