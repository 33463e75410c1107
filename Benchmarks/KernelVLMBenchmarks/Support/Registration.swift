import Benchmark
import Foundation
import KernelVLM
import ReferenceKernels

/// Whether each benchmark is only verified, and run once: KERNELVLM_BENCH_VERIFY=1.
let verifiesOnly = ProcessInfo.processInfo.environment["KERNELVLM_BENCH_VERIFY"] == "1"

/// How a benchmark is run: long enough for a few dozen samples.
/// - Parameter rates: what it measures besides time.
func configuration(_ rates: [BenchmarkMetric], timeUnits: BenchmarkTimeUnits) -> Benchmark.Configuration {
  var configuration = Benchmark.Configuration()
  configuration.metrics = [.wallClock] + rates
  configuration.timeUnits = timeUnits
  // Whole numbers, not thousands.
  configuration.units = Dictionary(uniqueKeysWithValues: rates.map { ($0, .count) })
  configuration.warmupIterations = verifiesOnly ? 0 : 1
  configuration.maxIterations = verifiesOnly ? 1 : 100
  configuration.maxDuration = verifiesOnly ? .seconds(60) : .milliseconds(150)
  return configuration
}

/// Registers each case for C under every instruction set of this machine, and for the reference in Float.
///
/// Inlined, as is what it calls, so that the kernels are specialised as they are in the model.
@inline(__always)
func register<C: KernelCase>(_ cases: [C]) {
  for operation in cases {
    for kernels in InstructionSet.available.compactMap({ CKernels($0) }) {
      register(operation, kernels, named: kernels.instructionSet.rawValue)
    }
    register(operation, Reference<Float>(), named: "reference")
  }
}

@inline(__always)
private func register<C: KernelCase, K: Kernels>(_ operation: C, _ kernels: K, named kernelsName: String) {
  let name = "\(operation.name)_\(kernelsName)"
  let bench = Bench<K.Scalar>()
  var call = {}
  var registered: Benchmark?
  registered = Benchmark(
    name, configuration: configuration([.operationRate, .byteRate], timeUnits: .nanoseconds),
    closure: { benchmark in
      let repetitions = benchmark.scaledIterations
      let elapsed = ContinuousClock().measure {
        for _ in repetitions { call() }
      }
      let nanoseconds = max(elapsed / .nanoseconds(1), 1) / Double(repetitions.count)
      benchmark.measurement(.operationRate, Int((1000 * Double(operation.work.operations) / nanoseconds).rounded()))
      benchmark.measurement(.byteRate, Int((1000 * Double(operation.work.bytes) / nanoseconds).rounded()))
    },
    setup: {
      verify(name, operation, kernels)
      call = operation.prepare(kernels, on: bench)
      if !verifiesOnly { registered?.configuration.scalingFactor = scale(of: call) }
    })
}

/// A thousand calls a sample, unless a call is so long that the clock sees it.
private func scale(of call: () -> Void) -> BenchmarkScalingFactor {
  call()
  return ContinuousClock().measure(call) < .microseconds(50) ? .kilo : .one
}

/// Compares every output with what the reference gives in Double, within a bound derived from Float's roundings.
@inline(__always)
private func verify<C: KernelCase, K: Kernels>(_ name: String, _ operation: C, _ kernels: K) {
  let bench = Bench<K.Scalar>()
  operation.run(kernels, on: bench)
  let results = Dictionary(uniqueKeysWithValues: bench.outputs.map { ($0, bench.values($0).map { Double($0) }) })
  let violations = Expectation(operation).violations(in: results) + bench.damaged().map { "wrote beside \($0)" }
  if !violations.isEmpty { stop(name, violations) }
}

/// Ends the process: a benchmark that is wrong must not be timed, and its run must fail.
func stop(_ name: String, _ reasons: [String]) -> Never {
  FileHandle.standardError.write(Data("\(name) failed: \(reasons.joined(separator: "; "))\n".utf8))
  exit(EXIT_FAILURE)
}

/// What the body gives; its error ends the process too, where the framework would go on to the next benchmark.
func orStop<Result>(_ name: String, _ body: () throws -> Result) -> Result {
  do {
    return try body()
  } catch {
    stop(name, ["\(error)"])
  }
}

extension BenchmarkMetric {
  /// Millions of operations, and of bytes, a second; metrics are whole numbers.
  static let operationRate = custom("MFLOP/s", polarity: .prefersLarger, useScalingFactor: false)
  static let byteRate = custom("MB/s", polarity: .prefersLarger, useScalingFactor: false)
}
