import Foundation
import Testing

/// What the pages link to is there.
struct LinkTests {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../..")
    .standardizedFileURL
  static let pages = [
    "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "Tests/README.md", "Benchmarks/README.md", "Benchmarks/accuracy.md",
    "Benchmarks/Peers/README.md", "Sources/CVLMKernels/README.md", "Sources/KernelVLMCommand/README.md",
  ]

  private func links(of page: String) throws -> [(path: String, line: Int?)] {
    let text = try String(contentsOf: Self.root.appendingPathComponent(page), encoding: .utf8)
    return text.matches(of: #/\]\(([^)#:]+)(?:#L([0-9]+))?\)/#).map { (String($0.1), $0.2.flatMap { Int($0) }) }
  }

  @Test(arguments: pages)
  func everyLinkLeadsToAFile(page: String) throws {
    let folder = Self.root.appendingPathComponent(page).deletingLastPathComponent()
    for link in try links(of: page) {
      #expect(
        FileManager.default.fileExists(atPath: folder.appendingPathComponent(link.path).path),
        "\(page) links to \(link.path)")
    }
  }

  /// One hop from the README to the line that computes the score.
  @Test func theReadmeLeadsToTheScore() throws {
    let link = try #require(links(of: "README.md").first { $0.line != nil })
    let lines = try String(contentsOf: Self.root.appendingPathComponent(link.path), encoding: .utf8)
      .split(separator: "\n", omittingEmptySubsequences: false)
    let line = try #require(link.line)
    #expect(lines[line - 1].trimmingCharacters(in: .whitespaces) == "score *= dot")
  }
}
