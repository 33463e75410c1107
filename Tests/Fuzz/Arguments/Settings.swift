import ArgumentParser
import KernelVLM

/// Checks the settings of `train`, or of the command `ablate` if that is the first of `words`. Options and their values
/// are taken in the simplest way: "--name", "value", "--name=value". Words that are neither are passed over.
func checkSettings(_ words: [String]) throws {
  guard var (train, ablate) = defaults else { return }
  let isAblate = words.first == "ablate"
  var words = words[...]
  while let word = words.popFirst() {
    guard word.utf8.starts(with: "--".utf8) else { continue }
    let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard let value = parts.count == 2 ? String(parts[1]) : words.popFirst() else { break }
    let name = String(parts[0].dropFirst(2))
    if isAblate { try ablateSettings[name]?(&ablate, value) } else { try trainSettings[name]?(&train, value) }
  }
  try isAblate ? check(ablate) : check(train)
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
  "steps": { $0.recipeOptions.steps = try parsed($1) },
  "batch": { $0.recipeOptions.batch = try parsed($1) },
  "seed": { $0.recipeOptions.seed = try parsed($1) },
  "init": { $0.recipeOptions.initialParameters = try parsed($1) },
  "learning-rate": { $0.recipeOptions.learningRate = try parsed($1) },
  "schedule": { $0.recipeOptions.schedule = try parsed($1) },
  "schedule-steps": { $0.recipeOptions.scheduleSteps = try parsed($1) },
  "warm-up": { $0.recipeOptions.warmUp = try parsed($1) },
  "beta1": { $0.recipeOptions.beta1 = try parsed($1) },
  "beta2": { $0.recipeOptions.beta2 = try parsed($1) },
  "weight-decay": { $0.recipeOptions.weightDecay = try parsed($1) },
  "feature-clip": { $0.recipeOptions.featureClip = try parsed($1) },
  "clip": { $0.recipeOptions.clip = try parsed($1) },
  "order": { $0.recipeOptions.order = try parsed($1) },
  "attention": { $0.modelOptions.attention = try parsed($1) },
  "gradient": { $0.modelOptions.gradient = try parsed($1) },
  "recon-weight": { $0.modelOptions.reconWeight = try parsed($1) },
  "image-size": { $0.modelOptions.imageSize = try parsed($1) },
  "base-features": { $0.modelOptions.baseFeatures = try parsed($1) },
  "tensor-tokens": { $0.modelOptions.tensorTokens = try parsed($1) },
  "direct": { $0.modelOptions.direct = try parsed($1) },
  "width": { $0.modelOptions.width = try parsed($1) },
  "heads": { $0.modelOptions.heads = try parsed($1) },
  "layers": { $0.modelOptions.layers = try parsed($1) },
  "mlp-ratio": { $0.modelOptions.mlpRatio = try parsed($1) },
  "max-text": { $0.modelOptions.maxText = try parsed($1) },
  "names": { $0.modelOptions.names = ModelOptions.names($1) },
]

nonisolated(unsafe) private let ablateSettings: [String: (inout Ablate, String) throws -> Void] = [
  "seeds": { $0.seeds = try parsed($1) },
  "seed": { $0.seed = try parsed($1) },
  "steps": { $0.steps = try parsed($1) },
  "features": { $0.features = try $1.split(separator: ",").map { try parsed(String($0)) } },
]
