import Benchmark
import Cases
import Foundation

/// Whether each benchmark is only verified, and run once: KERNELVLM_BENCH_VERIFY=1.
let verifiesOnly = ProcessInfo.processInfo.environment["KERNELVLM_BENCH_VERIFY"] == "1"

func register(_ kernel: KernelBenchmark) {
  var call = {}
  var registered: Benchmark?
  registered = Benchmark(
    kernel.name, configuration: configuration([.operationRate, .byteRate], timeUnits: .nanoseconds),
    closure: { benchmark in
      let repetitions = benchmark.scaledIterations
      let elapsed = ContinuousClock().measure {
        for _ in repetitions { call() }
      }
      let nanoseconds = max(elapsed / .nanoseconds(1), 1) / Double(repetitions.count)
      benchmark.measurement(.operationRate, Int((1000 * Double(kernel.work.operations) / nanoseconds).rounded()))
      benchmark.measurement(.byteRate, Int((1000 * Double(kernel.work.bytes) / nanoseconds).rounded()))
    },
    setup: {
      stopIfWrong(kernel.name, kernel.violations)
      call = kernel.prepare()
      if !verifiesOnly { registered?.configuration.scalingFactor = scale(of: call) }
    },
    teardown: { call = {} })
}

func register(_ model: ModelBenchmark) {
  var call: () throws -> Int = { 0 }
  Benchmark(
    model.name, configuration: configuration([.imageRate], timeUnits: .microseconds),
    closure: { benchmark in
      var images = 0
      let elapsed = ContinuousClock().measure {
        for _ in benchmark.scaledIterations { images += orStop(model.name, call) }
      }
      benchmark.measurement(.imageRate, Int((Double(images) / (elapsed / .seconds(1))).rounded()))
    },
    setup: {
      stopIfWrong(model.name, model.violations)
      call = orStop(model.name, model.prepare)
    },
    teardown: { call = { 0 } })
}

/// How a benchmark is run: long enough for a few dozen samples.
/// - Parameter rates: what it measures besides time.
private func configuration(_ rates: [BenchmarkMetric], timeUnits: BenchmarkTimeUnits) -> Benchmark.Configuration {
  var configuration = Benchmark.Configuration()
  configuration.metrics = [.wallClock] + rates
  configuration.timeUnits = timeUnits
  // Whole numbers, not thousands.
  configuration.units = Dictionary(uniqueKeysWithValues: rates.map { ($0, .count) })
  configuration.warmupIterations = verifiesOnly ? 0 : 1
  configuration.maxIterations = verifiesOnly ? 1 : 100
  configuration.maxDuration = verifiesOnly ? .seconds(60) : .milliseconds(100)
  return configuration
}

/// A thousand calls a sample, unless a call is so long that the clock sees it.
private func scale(of call: () -> Void) -> BenchmarkScalingFactor {
  call()
  return ContinuousClock().measure(call) < .microseconds(50) ? .kilo : .one
}

private func stopIfWrong(_ name: String, _ violations: () throws -> [String]) {
  let violations = orStop(name, violations)
  if !violations.isEmpty { stop(name, violations) }
}

/// Ends the process: a benchmark that is wrong must not be timed, and its run must fail.
private func stop(_ name: String, _ reasons: [String]) -> Never {
  FileHandle.standardError.write(Data("\(name) failed: \(reasons.joined(separator: "; "))\n".utf8))
  exit(EXIT_FAILURE)
}

/// What the body gives; its error ends the process too, where the framework would go on to the next benchmark.
private func orStop<Result>(_ name: String, _ body: () throws -> Result) -> Result {
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
  static let imageRate = custom("images/s", polarity: .prefersLarger, useScalingFactor: false)
}
