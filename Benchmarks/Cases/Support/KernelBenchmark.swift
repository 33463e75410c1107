import KernelVLM
import ReferenceKernels
import Synchronization

/// A kernel case on one set of kernels, for whoever verifies and times it.
public struct KernelBenchmark {
  /// Kernel and direction, as in `Matmul_forward`.
  public let operation: String
  /// As in `34x32x64`.
  public let size: String
  /// An instruction set, or "reference".
  public let kernels: String
  /// Whether the default model has this size.
  public let isModelSize: Bool
  public let work: Work
  /// What is wrong: every output is compared with what the reference gives in Double, within a bound derived from
  /// Float's roundings, and nothing may be written beside an operand.
  public let violations: () -> [String]
  /// Bytes of its outputs, which are a part of its work's.
  public let bytesWritten: () -> Int
  /// Lays out the operands, which live as long as the result: the call that is timed.
  public let prepare: () -> () -> Void

  /// Kernel, direction and size.
  public var caseName: String { "\(operation)_\(size)" }
  public var name: String { "\(caseName)_\(kernels)" }

  /// Every kernel in C for every instruction set of this machine, and in the reference in Float.
  public static var all: [KernelBenchmark] {
    [
      augmentationBenchmarks(), poolingBenchmarks(), matmulBenchmarks(), featureProductBenchmarks(),
      tensorProductBenchmarks(), localProductBenchmarks(), unitNormBenchmarks(), rmsNormBenchmarks(),
      embeddingBenchmarks(), gatherBenchmarks(),
      visionProjectionBenchmarks(), visionAttentionBenchmarks(), attentionBenchmarks(), mlpBenchmarks(),
      crossEntropyBenchmarks(), reconstructionBenchmarks(), adamBenchmarks(), reductionBenchmarks(),
    ].flatMap { $0 }
  }

  fileprivate init<C: KernelCase, K: Kernels>(_ measured: C, _ kernels: K, named name: String, isModelSize: Bool) {
    operation = measured.operation
    size = measured.size
    self.kernels = name
    self.isModelSize = isModelSize
    work = measured.work
    violations = { Self.violations(measured, kernels) }
    bytesWritten = {
      let bench = Bench<Float>()
      _ = measured.prepare(Reference<Float>(), on: bench)
      return min(bench.outputs.reduce(0) { $0 + 4 * bench.values($1).count }, measured.work.bytes)
    }
    prepare = {
      let bench = Bench<K.Scalar>()
      let call = measured.prepare(kernels, on: bench)
      return { withExtendedLifetime(bench) { call() } }
    }
  }

  private static func violations<C: KernelCase, K: Kernels>(_ measured: C, _ kernels: K) -> [String] {
    let bench = Bench<K.Scalar>()
    measured.run(kernels, on: bench)
    let results = Dictionary(uniqueKeysWithValues: bench.outputs.map { ($0, bench.values($0).map { Double($0) }) })
    return expectation(measured).violations(in: results) + bench.damaged().map { "wrote beside \($0)" }
  }

  /// The kernels of one case follow each other, so that the last expectation is the one that is kept.
  private static func expectation<C: KernelCase>(_ measured: C) -> Expectation {
    if let kept = lastExpectation.withLock({ $0 }), kept.name == measured.name { return kept.expectation }
    let expectation = Expectation(measured)
    lastExpectation.withLock { $0 = (measured.name, expectation) }
    return expectation
  }

  private static let lastExpectation = Mutex<(name: String, expectation: Expectation)?>(nil)
}

/// One direction of a kernel at all sizes, on all kernels. Inlined, so that the kernels are specialised as they are in the
/// model.
@inline(__always)
func benchmarks<Size, C: KernelCase>(_ sizes: Sizes<Size>, _ make: (Size) -> C) -> [KernelBenchmark] {
  let cases = sizes.model.map { (make($0), true) } + sizes.larger.map { (make($0), false) }
  return cases.flatMap { measured, isModelSize in
    InstructionSet.available.compactMap { CKernels($0) }.map {
      KernelBenchmark(measured, $0, named: $0.instructionSet.rawValue, isModelSize: isModelSize)
    } + [KernelBenchmark(measured, Reference<Float>(), named: "reference", isModelSize: isModelSize)]
  }
}
