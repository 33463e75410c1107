// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "KernelVLMBenchmarks",
  dependencies: [
    .package(name: "KernelVLM", path: ".."),
    // Without traits: their interposers are other packages, and count what is not measured here.
    .package(url: "https://github.com/ordo-one/benchmark", exact: "1.38.1", traits: []),
  ],
  targets: [
    // The plugin looks for targets whose folder stands in one named Benchmarks: here that is the package's own.
    .executableTarget(
      name: "KernelVLMBenchmarks",
      dependencies: [
        .product(name: "KernelVLM", package: "KernelVLM"), .product(name: "Benchmark", package: "benchmark"),
      ],
      path: "KernelVLMBenchmarks",
      plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")])
  ],
  swiftLanguageModes: [.v6]
)
