import Foundation
import Testing

private let hasScript = FileManager.default.isExecutableFile(atPath: "/usr/bin/script")

/// What a terminal shows, played by `script`.
@Suite(.enabled(if: hasScript, "needs util-linux's script"))
struct TerminalTests {
  /// Runs the command in a terminal of so many columns; standard output goes to a file, standard error to the terminal.
  private func run(columns: Int, _ arguments: [String]) throws -> (shown: String, output: String) {
    try withTemporaryFolder { folder in
      let words = ([CommandRun.executable.path] + arguments).map { "'\($0)'" }.joined(separator: " ")
      let script = "stty cols \(columns); \(words) > '\(folder)/output'"
      let environment = ["TERM": "xterm", "SHELL": "/bin/sh", "PLAYED": script]
      // With an end, should it wait for anything.
      let shell = "exec timeout 300 /usr/bin/script -qec \"$PLAYED\" '\(folder)/typescript'"
      let played = try CommandRun([], environment: environment, shell: shell)
      #expect(played.status == 0, "\(played.output)\(played.errors)")
      return (played.output, try String(contentsOfFile: "\(folder)/output", encoding: .utf8))
    }
  }

  /// The progress lines, which follow a carriage return and end where the rest of the line is cleared.
  private func progress(_ shown: String) -> [String] {
    shown.components(separatedBy: "\u{1b}[K").compactMap { part in
      let line = part.unicodeScalars.split(omittingEmptySubsequences: false) { $0 == "\r" || $0 == "\n" }.last
      return line.map { String(String.UnicodeScalarView($0)) }
    }.filter { $0.contains(" % ") }
  }

  private static let slow = ["--backend", "reference", "--precision", "double", "--data", "drawn"]

  @Test(arguments: [12, 30, 60, 100]) func aProgressLineIsNarrowerThanTheTerminal(columns: Int) throws {
    let (shown, output) = try run(columns: columns, ["train", "--steps", "1000", "--json"] + Self.slow)
    let lines = progress(shown)
    #expect(!lines.isEmpty)
    for line in lines {
      // Every character of it is one column wide.
      #expect(line.count < columns, "\(line)")
      #expect(columns < 100 || line.contains("━") || line.contains("┄"), "there is room for the bar: \(line)")
      #expect(columns < 60 || line.contains("step ") || line.contains("spelling "), "\(line)")
    }
    #expect(output.hasPrefix("{") && !output.contains("\u{1b}"), "standard output is the result alone")
  }

  @Test func aLongEvaluationSaysHowFarItIs() throws {
    try withTemporaryFolder { folder in
      let model = "\(folder)/model"
      #expect(try CommandRun("train", "--data", "drawn", "--steps", "1", "--save", model).status == 0)
      let arguments = ["evaluate", model, "--json", "--threads", "1"] + Self.slow
      let (shown, output) = try run(columns: 100, arguments)
      let lines = progress(shown)
      #expect(lines.contains { $0.contains("/10,000 images, ") && $0.contains(" left") }, "\(lines)")
      let whole = try CommandRun(arguments).json()
      let parsed = try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
      #expect(parsed["confusion"] as? [[Int]] == whole["confusion"] as? [[Int]], "in parts as at once")
    }
  }

  @Test func quietShowsNoProgress() throws {
    let (shown, output) = try run(columns: 100, ["train", "--steps", "500", "--json", "--quiet"] + Self.slow)
    #expect(shown.isEmpty && output.hasPrefix("{"))
  }
}
