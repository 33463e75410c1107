import ArgumentParser
import Foundation
import KernelVLM

/// What to compute with.
struct KernelOptions: ParsableArguments {
  @Option(help: "The kernels: vectorised C, or the readable Swift reference (default: c).")
  var backend: KernelChoice.Backend?

  @Option(help: "The numbers; double needs --backend reference (default: float).")
  var precision: KernelChoice.Precision?

  @Option(help: "What the C kernels are compiled for (default: the best this processor has).")
  var isa: InstructionSet?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      """
      At most so many threads; in a training one for each 16 images of a batch (default: as many as there are cores, in \
      a training fewer where that is faster).
      """,
      valueName: "count"))
  var threads: Int?

  /// - Parameter saved: the kernels of a training that goes on, which are the defaults then.
  func choice(_ saved: SavedTraining.Kernels? = nil) throws -> KernelChoice {
    try KernelChoice(
      backend ?? saved?.backend ?? .c, precision: precision ?? saved?.precision ?? .float,
      instructionSet: isa ?? saved?.instructionSet ?? .best)
  }

  /// - Throws: `ConfigurationError` for a number of threads that makes no sense.
  func threadCount() throws -> Int {
    let count = threads ?? ProcessInfo.processInfo.activeProcessorCount
    guard (1...1024).contains(count) else { throw ConfigurationError("threads", value: count, rule: "1 to 1024") }
    return count
  }
}

extension KernelChoice {
  /// "c kernels (avx2)", "reference kernels in double"
  var summary: String {
    backend == .c ? "C kernels (\(instructionSetName))" : "Swift reference kernels in \(precision.rawValue)"
  }
}
