import ReferenceKernels
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

@Suite struct MicrobatchTests {
  private let names = [3, 3, 3, 0, 7, 7, 3]

  private func microbatch(layers: Int, _ workspace: Workspace<Float>) throws -> (Microbatch<Float>, [[Int32]]) {
    var configuration = ModelConfiguration()
    configuration.layers = layers
    let vocabulary = try Vocabulary(names: configuration.names)
    let texts = names.map { vocabulary.texts[$0] }
    return (workspace.microbatch(texts: texts, configuration: configuration, batch: 20), texts)
  }

  /// In one layer neighbours with the same text are a run, which ends where another name begins.
  @Test(arguments: [(1, [3, 1, 2, 1]), (2, [1, 1, 1, 1, 1, 1, 1])])
  func neighboursWithTheSameTextAreARun(layers: Int, expected: [Int32]) throws {
    let workspace = Workspace<Float>()
    defer { withExtendedLifetime(workspace) {} }
    let (block, texts) = try microbatch(layers: layers, workspace)
    #expect((0..<block.runs.rows).map { block.runs[$0, 0] } == expected)
    var (image, row) = (0, 0)
    for run in 0..<block.runs.rows {
      let text = texts[image]
      #expect(block.runs[run, 1] == Int32(text.count - 1) && block.runs[run, 2] == block.runs[run, 1])
      #expect((0..<text.count - 1).map { block.tokens[row + $0, 0] } == text.dropLast())
      #expect((0..<text.count - 1).map { block.positions[row + $0, 0] } == (0..<text.count - 1).map { 28 + Int32($0) })
      (image, row) = (image + Int(block.runs[run, 0]), row + text.count - 1)
    }
    #expect(image == names.count && row == block.tokens.rows)
    #expect(block.sharesText == (layers == 1))
  }

  /// Every text row finds its token, its position and what comes next, whoever it shares them with.
  @Test(arguments: [1, 2]) func everyTextRowIsThatOfItsImage(layers: Int) throws {
    let workspace = Workspace<Float>()
    defer { withExtendedLifetime(workspace) {} }
    let (block, texts) = try microbatch(layers: layers, workspace)
    #expect(block.textRows == texts.reduce(0) { $0 + $1.count - 1 })
    for (image, text) in texts.enumerated() {
      #expect(block.text(image).count == text.count - 1)
      for (offset, row) in block.text(image).enumerated() {
        let shared = Int(block.index[row, 0])
        #expect(block.tokens[shared, 0] == text[offset] && block.positions[shared, 0] == Int32(28 + offset))
        #expect(block.targets[row, 0] == text[offset + 1])
        #expect(block.weights[row, 0] == 1 / Float(20 * (text.count - 1)))
      }
    }
  }

  /// Images that got the same tokens stay neighbours, one that is done leaves, and none is lost.
  @Test func prefixesAreSharedAsLongAsTheyAreTheSame() {
    let words: [[Int32]] = [[5, 1], [4], [5, 1, 2], [5, 3], [4], [5, 1, 2]]
    var prefixes = Prefixes(images: words.count, token: 9, areShared: true)
    var seen: [[[Int]]] = []
    for step in 0..<4 {
      var first = 0
      seen.append(
        prefixes.runs.map { run in
          defer { first += run.images }
          let images = Array(prefixes.images[first..<first + run.images])
          for image in images { #expect(run.token == (step == 0 ? 9 : words[image][step - 1])) }
          return images
        })
      prefixes.extend { step < words[$0].count ? words[$0][step] : nil }
    }
    #expect(seen == [[[0, 1, 2, 3, 4, 5]], [[1, 4], [0, 2, 3, 5]], [[0, 2, 5], [3]], [[2, 5]]])
    #expect(prefixes.images.isEmpty)

    var alone = Prefixes(images: 3, token: 9, areShared: false)
    alone.extend { $0 == 1 ? nil : 4 }
    #expect(alone.images == [0, 2] && alone.runs.map { $0.previous } == [0, 2])
    #expect(alone.runs.allSatisfy { $0.images == 1 && $0.token == 4 })
  }
}
