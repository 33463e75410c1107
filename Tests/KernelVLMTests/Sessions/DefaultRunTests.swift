import Foundation
import KernelVLM
import ReferenceKernels
import Testing

/// The default run ends where the README says: with these weights and so many words right.
struct DefaultRunTests {
  static let readme: [Substring] = {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../..")
    let text = try? String(contentsOf: root.appendingPathComponent("README.md"), encoding: .utf8)
    return (text ?? "").split(separator: "\n")
  }()

  private func train(_ instructionSet: InstructionSet, on dataset: Dataset) throws -> (hash: String, right: String) {
    let recipe = Recipe()
    let session = try KernelChoice(instructionSet: instructionSet).train(
      ModelConfiguration(), recipe: recipe, images: dataset.train, threads: 1)
    for _ in 0..<recipe.steps { _ = try session.step(reportsReconstruction: false) }
    let evaluation = try session.model.evaluate(dataset.test, threads: 2)
    #expect(evaluation.count == 10_000)
    return (session.model.weightsSHA256, String(format: "%.2f", 100 * evaluation.accuracy))
  }

  /// Of the table "| avx2 | `bce0…` | 91.65 % |".
  @Test(.enabled(if: MNISTAvailability.isPresent, MNISTAvailability.reason), arguments: InstructionSet.available)
  func onMNISTItHasTheHashOfTheReadme(instructionSet: InstructionSet) throws {
    let row = #/\| (\w+)[^|]*\| `([0-9a-f]{64})` \| ([0-9.]+) % \|/#
    let rows = Self.readme.compactMap { try? row.wholeMatch(in: $0)?.output }
    let expected = try #require(rows.first { $0.1 == "\(instructionSet)" }, "no row for \(instructionSet) in README.md")
    let folder = try #require(MNISTAvailability.folder)
    let found = try train(instructionSet, on: DataSource.folder(folder).load())
    #expect(found.hash == expected.2 && found.right == expected.3)
  }

  /// Of the line "… `kernelvlm train --threads 1 --data drawn` | … | 94.00, 93.84 % |": AVX-512, then AVX2.
  @Test(arguments: InstructionSet.available.filter { $0 != .baseline })
  func onDrawnDigitsItIsAsGoodAsTheReadmeSays(instructionSet: InstructionSet) throws {
    let line = try #require(Self.readme.first { $0.contains("--data drawn` |") }, "no such line in README.md")
    let figures = try #require(try #/\| ([0-9.]+), ([0-9.]+) % \|$/#.firstMatch(in: line)?.output)
    let found = try train(instructionSet, on: DataSource.drawn(seed: DrawnDigits().seed).load())
    #expect(found.right == (instructionSet == .avx2 ? figures.2 : figures.1))
  }
}
