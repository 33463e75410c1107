// swift-tools-version: 6.2
import Foundation
import PackageDescription

// OpenMP is a choice that must not be made silently: without libomp the manifest stops (a warning would be cached as a
// serial build), and KERNELVLM_SERIAL=1 asks for the serial build by name. So do the Swift Package Index's machines.
let isIndexing = ["SPI_BUILDER", "SPI_PROCESSING"].contains { Context.environment[$0] == "1" }
let serial = Context.environment["KERNELVLM_SERIAL"] == "1" || isIndexing
let libraryFolders = ["lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu", "lib64", "lib", "local/lib"]
if !serial && !libraryFolders.contains(where: { FileManager.default.fileExists(atPath: "/usr/\($0)/libomp.so.5") }) {
  let message = "KernelVLM: libomp.so.5 not found: apt-get install libomp-dev (or set KERNELVLM_SERIAL=1)\n"
  FileHandle.standardError.write(Data(message.utf8))
  exit(1)
}

// -O3 in debug too: the tests run whole trainings, and SwiftPM's debug build leaves C at -O0.
var kernelFlags: [CSetting] = [.unsafeFlags(["-O3"], .when(configuration: .debug))]
var kernelLibraries: [LinkerSetting] = [.linkedLibrary("m")]
if !serial {
  kernelFlags.append(.unsafeFlags(["-fopenmp"]))
  // By file name: its path is the same for every libomp version, the development link's is not.
  kernelLibraries.append(.linkedLibrary(":libomp.so.5"))
}

// The same for Swift: finite differences of every parameter are 10^10 multiply-adds. Whole-module, so that the generic
// model graph is specialised for each kernel set; several threads, because one would write a single object file.
// Exclusive access is checked while a program runs in debug builds alone, that is in the tests: in a release it would be
// 1.5 % of a step of one image.
var optimized: [SwiftSetting] = [
  .unsafeFlags(
    ["-O", "-disable-batch-mode", "-whole-module-optimization", "-num-threads", "2"],
    .when(configuration: .debug)),
  .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

// KERNELVLM_COVERAGE=1 counts which regions run, for Tests/coverage: of C too, which SwiftPM's own flag leaves out.
var counted: [SwiftSetting] = []
var countedC: [CSetting] = []
if Context.environment["KERNELVLM_COVERAGE"] == "1" {
  countedC.append(.unsafeFlags(["-fprofile-instr-generate", "-fcoverage-mapping"]))
  kernelFlags += countedC
  counted.append(.unsafeFlags(["-profile-generate", "-profile-coverage-mapping"]))
  kernelLibraries.append(.unsafeFlags(["-profile-generate"]))
}

// KERNELVLM_DOCS=1 builds the documentation, for Tests/docs: with a plugin that nobody else needs to fetch, and without
// optimisation, since nothing is run.
var dependencies: [Package.Dependency] = [
  .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
]
if Context.environment["KERNELVLM_DOCS"] == "1" || isIndexing {
  dependencies.append(.package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"))
  optimized = []
}

let package = Package(
  name: "KernelVLM",
  products: [
    // With the reference kernels, whose matrices and numbers the library's own kernels take.
    .library(name: "KernelVLM", targets: ["KernelVLM", "ReferenceKernels"]),
    // The model without files, which needs no library but OpenMP's.
    .library(name: "KernelVLMCore", targets: ["KernelVLMCore", "ReferenceKernels"]),
    .library(name: "CVLMKernels", targets: ["CVLMKernels"]),
    .executable(name: "kernelvlm", targets: ["KernelVLMCommand"]),
  ],
  dependencies: dependencies,
  targets: [
    .target(
      name: "CVLMKernels", path: ".", exclude: ["Sources/CVLMKernels/README.md"], sources: ["Sources/CVLMKernels"],
      publicHeadersPath: "include",
      cSettings: kernelFlags, linkerSettings: kernelLibraries),
    .systemLibrary(name: "CMath"),
    .target(name: "ReferenceKernels", dependencies: ["CMath"], swiftSettings: optimized + counted),
    .target(
      name: "KernelVLMCore", dependencies: ["CVLMKernels", "ReferenceKernels"], swiftSettings: optimized + counted),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .target(
      name: "CPictures", cSettings: countedC,
      linkerSettings: ["png16", "turbojpeg", "exif"].map { .linkedLibrary($0) }),
    .target(
      name: "KernelVLM", dependencies: ["KernelVLMCore", "CZlib", "COpenSSL", "CPictures"],
      swiftSettings: optimized + counted),
    .executableTarget(
      name: "KernelVLMCommand",
      dependencies: ["KernelVLM", .product(name: "ArgumentParser", package: "swift-argument-parser")],
      exclude: ["README.md"],
      swiftSettings: counted),
    .testTarget(
      name: "KernelVLMTests", dependencies: ["KernelVLM", "KernelVLMCore", "CVLMKernels", "ReferenceKernels"],
      resources: [.copy("Fixtures")],
      // The library's default arguments are compiled into its callers.
      swiftSettings: counted),
  ],
  swiftLanguageModes: [.v6]
)
