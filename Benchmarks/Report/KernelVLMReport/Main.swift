import Cases
import Foundation

/// Measures the machine's limits and every case, and writes the tables and the picture of Benchmarks/.
@main
struct Main {
  /// Verifies each case and times nothing.
  static let verifiesOnly = ProcessInfo.processInfo.environment["KERNELVLM_BENCH_VERIFY"] == "1"
  static let folder = "Benchmarks"

  static func main() {
    do {
      if verifiesOnly { try verify() } else { try report() }
    } catch {
      FileHandle.standardError.write(Data("\(error)\n".utf8))
      exit(EXIT_FAILURE)
    }
  }

  private static func verify() throws {
    for kernel in KernelBenchmark.all { try require(kernel.name, kernel.violations()) }
    for model in ModelBenchmark.all { try require(model.name, model.violations()) }
    // The picture and the tables of numbers that nobody measured, so that their code runs too.
    let results = Results.unmeasured
    print("\(results.kernels.count + results.models.count) cases verified")
    guard !Picture(results).svg.isEmpty, !Tables(results).summary.isEmpty, !Tables(results).everything.isEmpty else {
      throw Failure("nothing was drawn")
    }
  }

  private static func report() throws {
    let readme = "\(folder)/README.md"
    guard let text = try? String(contentsOfFile: readme, encoding: .utf8) else {
      throw Failure("\(readme) cannot be read: run this in the project's root folder")
    }
    let results = try Results.measured()
    let tables = Tables(results)
    try write(Generated.replaced(in: text, with: tables.summary), to: readme)
    try write(tables.everything, to: "\(folder)/results.md")
    try write(Picture(results).svg, to: "\(folder)/roofline.svg")
  }

  private static func write(_ text: String, to path: String) throws {
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    print("wrote \(path)")
  }
}

/// The part of a page that this program writes.
enum Generated {
  static let begin = "<!-- begin: written by KernelVLMReport -->"
  static let end = "<!-- end: written by KernelVLMReport -->"

  static func replaced(in page: String, with text: String) throws -> String {
    guard let start = page.range(of: begin), let stop = page.range(of: end, range: start.upperBound..<page.endIndex)
    else { throw Failure("the page has no \(begin) … \(end)") }
    return page[..<start.upperBound] + "\n" + text + page[stop.lowerBound...]
  }
}

struct Failure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// A case that is wrong must not be timed.
func require(_ name: String, _ violations: [String]) throws {
  if !violations.isEmpty { throw Failure("\(name) failed: \(violations.joined(separator: "; "))") }
}
