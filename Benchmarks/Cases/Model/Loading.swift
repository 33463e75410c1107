import Foundation
import KernelVLM

/// Making the drawn digits, and reading the IDX files of the folder that KERNELVLM_DATA names.
func loadingBenchmarks() -> [ModelBenchmark] {
  let drawn = loading("Loading_drawn", .drawn(seed: DrawnDigits.defaultSeed), name: .drawn)
  guard let folder = ModelBenchmark.dataFolder else { return [drawn] }
  return [drawn, loading("Loading_idx", .folder(folder), name: nil)]
}

extension ModelBenchmark {
  /// The folder whose files are loaded; without one the case is left out.
  public static var dataFolder: String? {
    ProcessInfo.processInfo.environment["KERNELVLM_DATA"].flatMap { $0.isEmpty ? nil : $0 }
  }
}

/// - Parameter name: what the data set must call itself.
private func loading(_ caseName: String, _ source: DataSource, name: Dataset.Name?) -> ModelBenchmark {
  ModelBenchmark(
    caseName: caseName, threads: Threads.defaultCount, kernels: nil,
    violations: {
      let first = try source.load()
      let second = try source.load()
      return (name == nil || first.name == name ? [] : ["the data is \(first.name)"])
        + (first.train == second.train && first.test == second.test ? [] : ["two loads differ"])
    },
    prepare: {
      {
        let data = try source.load()
        return data.train.count + data.test.count
      }
    })
}
