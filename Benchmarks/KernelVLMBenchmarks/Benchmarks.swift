import Benchmark

// The framework's entry point.
let benchmarks: @Sendable () -> Void = {
  matmulBenchmarks()
  featureProductBenchmarks()
  tensorProductBenchmarks()
  unitNormBenchmarks()
  rmsNormBenchmarks()
  embeddingBenchmarks()
  visionKeysBenchmarks()
  tensorAttentionBenchmarks()
  dotAttentionBenchmarks()
  mlpBenchmarks()
  crossEntropyBenchmarks()
  reconstructionBenchmarks()
  adamBenchmarks()
  reductionBenchmarks()
  stepBenchmarks()
}
