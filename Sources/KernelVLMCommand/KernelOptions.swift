import ArgumentParser
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
      At most so many threads, 1 to 1024; in a training one for each 32 images of a batch (default: the first number \
      in OMP_NUM_THREADS if that is such a number, else as many as there are cores that this process may use by its \
      affinity and its control groups; in a training fewer where that is faster).
      """,
      valueName: "count"))
  var threads: Int?

  /// - Parameter saved: the kernels of a training that goes on, which are the defaults then.
  func choice(_ saved: SavedTraining.Kernels? = nil) throws -> KernelChoice {
    try KernelChoice(
      backend ?? saved?.backend ?? .c, precision: precision ?? saved?.precision ?? .float,
      instructionSet: isa ?? saved?.instructionSet ?? .best)
  }

  func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads is \(threads), must be 1 to 1024")
    }
  }

  var threadCount: Int { threads ?? Threads.defaultCount }

  /// Starts the threads that these kernels share work with, so that what follows cannot fail for lack of them, and
  /// returns how many there are.
  func startThreads(_ kernels: KernelChoice) -> Int {
    guard kernels.backend == .c else { return threadCount }
    let started = OpenMP.start(threadCount)
    if let threads, started < threads {
      Output.note("Note: \(started.of("thread")) instead of \(threads), since no more are to be had")
    }
    return started
  }
}

extension KernelChoice {
  /// "c kernels (avx2)", "reference kernels in double"
  var summary: String {
    backend == .c ? "C kernels (\(instructionSetName))" : "Swift reference kernels in \(precision.rawValue)"
  }
}
