import Benchmark
import Cases
import Foundation

// The framework's entry point.
let benchmarks: @Sendable () -> Void = {
  KernelBenchmark.all.forEach(register)
  ModelBenchmark.all.forEach(register)
  if ModelBenchmark.dataFolder == nil {
    FileHandle.standardError.write(Data("Loading_idx is left out: KERNELVLM_DATA names no folder\n".utf8))
  }
}
