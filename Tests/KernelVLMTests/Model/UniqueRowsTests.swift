import ReferenceKernels
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

@Suite struct UniqueRowsTests {
  /// Every row is found again at its index, and no pair stands there twice: the digits' names, and rows in any order.
  @Test func everyRowHasItsPairAndEachPairStandsOnce() throws {
    let configuration = ModelConfiguration()
    let texts = try Vocabulary(names: configuration.names).texts
    let workspace = Workspace<Float>()
    let block = workspace.microbatch(texts: texts + texts, configuration: configuration, batch: 20)
    let pairs = try #require(block.unique)
    expectPairs(pairs, of: block.tokens, block.positions)
    // Zero to nine: BOS; z o t f s e n; e n w h o i; and so on, as the letters of ten names differ at each place.
    let different = Set(texts.flatMap { $0.dropLast().enumerated().map { "\($0.offset) \($0.element)" } })
    #expect(pairs.tokens.rows == different.count)

    let rows = workspace.indices.matrix(200, 1)
    let positions = workspace.indices.matrix(200, 1)
    var random = MersenneTwister(seed: 3)
    for row in 0..<200 {
      rows[row, 0] = Int32(random.uniform() * 17)
      positions[row, 0] = 28 + Int32(random.uniform() * 8)
    }
    expectPairs(workspace.uniqueRows(rows, positions, positionsBelow: 36), of: rows, positions)
  }

  private func expectPairs(_ pairs: UniqueRows, of tokens: Matrix<Int32>, _ positions: Matrix<Int32>) {
    for row in 0..<tokens.rows {
      let pair = Int(pairs.index[row, 0])
      #expect(pairs.tokens[pair, 0] == tokens[row, 0] && pairs.positions[pair, 0] == positions[row, 0], "row \(row)")
    }
    let names = (0..<pairs.tokens.rows).map { [pairs.tokens[$0, 0], pairs.positions[$0, 0]] }
    #expect(Set(names).count == names.count)
  }

  /// One image's rows are all different, and a model of several layers has vision rows besides.
  @Test func whereNothingCanBeSharedThereAreNone() throws {
    var configuration = ModelConfiguration()
    let texts = try Vocabulary(names: configuration.names).texts
    let workspace = Workspace<Float>()
    #expect(workspace.microbatch(texts: [texts[3]], configuration: configuration, batch: 1).unique == nil)
    configuration.layers = 2
    #expect(workspace.microbatch(texts: texts, configuration: configuration, batch: 10).unique == nil)
  }
}
