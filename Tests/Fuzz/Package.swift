// swift-tools-version: 6.2
import PackageDescription

// Programs whose main is libFuzzer's; `run` knows the flags that they must be built with.
let package = Package(
  name: "KernelVLMFuzz",
  dependencies: [
    .package(name: "KernelVLM", path: "../.."),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
  ],
  targets: [
    .target(name: "Inputs", dependencies: [.product(name: "KernelVLM", package: "KernelVLM")], path: "Inputs"),
    .executableTarget(name: "FuzzIDX", dependencies: ["Inputs"], path: "IDX"),
    .target(name: "GzipMutator", path: "GzipMutator", publicHeadersPath: ".", linkerSettings: [.linkedLibrary("z")]),
    .executableTarget(name: "FuzzGzip", dependencies: ["Inputs", "GzipMutator"], path: "Gzip"),
    .executableTarget(name: "FuzzPictures", dependencies: ["Inputs"], path: "Pictures"),
    .executableTarget(name: "FuzzSafetensors", dependencies: ["Inputs"], path: "Safetensors"),
    // With the command's own sources, since no package can import another one's executable.
    .executableTarget(
      name: "FuzzArguments",
      dependencies: ["Inputs", .product(name: "ArgumentParser", package: "swift-argument-parser")],
      path: "Arguments", exclude: ["Command/Main.swift"]),
  ],
  swiftLanguageModes: [.v6]
)
