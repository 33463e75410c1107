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
    // What is verified and timed; both programs run the same cases.
    .target(name: "Cases", dependencies: [.product(name: "KernelVLM", package: "KernelVLM")], path: "Cases"),
    // The plugin looks for executables whose folder stands in one named Benchmarks: here that is the package's own.
    .executableTarget(
      name: "KernelVLMBenchmarks",
      dependencies: ["Cases", .product(name: "Benchmark", package: "benchmark")],
      path: "KernelVLMBenchmarks",
      plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]),
    .target(name: "CMachine", path: "Machine"),
    // One folder deeper, where the plugin does not look.
    .executableTarget(
      name: "KernelVLMReport", dependencies: ["Cases", "CMachine"], path: "Report/KernelVLMReport"),
  ],
  swiftLanguageModes: [.v6]
)
