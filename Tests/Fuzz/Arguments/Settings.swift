import ArgumentParser
import KernelVLM

/// Checks the settings of `train`, or of the command `ablate` if that is the first of `words`. Options and their values
/// are taken in the simplest way: "--name", "value", "--name=value". Words that are neither are passed over.
func checkSettings(_ words: [String]) throws {
  guard var (train, ablate) = defaults else { return }
  let isAblate = words.first == "ablate"
  var words = words[...]
  var texts: [String: String] = [:]
  while let word = words.popFirst() {
    guard word.utf8.starts(with: "--".utf8) else { continue }
    let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard let value = parts.count == 2 ? String(parts[1]) : words.popFirst() else { break }
    let name = String(parts[0].dropFirst(2))
    texts[name] = value
    if isAblate { try ablateSettings[name]?(&ablate, value) } else { try trainSettings[name]?(&train, value) }
  }
  if isAblate { return try check(ablate) }
  // Those of the two tables, as the options take them.
  _ = try ModelOptions.configuration(texts, train.preset ?? .exact)
  _ = try RecipeOptions.recipe(texts, train.preset ?? .exact)
  try check(train)
}

// With a number of threads, since counting the cores reads files.
private let defaults = try? (Train.parse(["--threads", "1"]), Ablate.parse(["--threads", "1"]))

private struct NoValue: Error {}

private func parsed<Value: ExpressibleByArgument>(_ word: String) throws -> Value {
  guard let value = Value(argument: word) else { throw NoValue() }
  return value
}

nonisolated(unsafe) private let trainSettings: [String: (inout Train, String) throws -> Void] = [
  "preset": { $0.preset = try parsed($1) },
  "backend": { $0.kernelOptions.backend = try parsed($1) },
  "precision": { $0.kernelOptions.precision = try parsed($1) },
  "isa": { $0.kernelOptions.isa = try parsed($1) },
  "threads": { $0.kernelOptions.threads = try parsed($1) },
]

nonisolated(unsafe) private let ablateSettings: [String: (inout Ablate, String) throws -> Void] = [
  "seeds": { $0.seeds = try parsed($1) },
  "seed": { $0.seed = try parsed($1) },
  "steps": { $0.steps = try parsed($1) },
  "features": { $0.features = try $1.split(separator: ",").map { try parsed(String($0)) } },
]
