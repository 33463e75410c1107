import Cases
import Foundation
import KernelVLM

/// Everything that is reported.
struct Results {
  var place: Place
  var limits: [Limits]
  var kernels: [KernelResult]
  var models: [ModelResult]
  var scaling: [ScalingResult]

  /// The limits of an instruction set, which those of the reference are too: it is compiled for the baseline.
  func limits(_ kernels: String) -> Limits? {
    limits.first { $0.instructionSet == kernels } ?? limits.first
  }

  var best: String { InstructionSet.best.rawValue }
}

struct KernelResult {
  let benchmark: KernelBenchmark
  /// Of one call.
  let seconds: Double
  /// By one call.
  let bytesWritten: Int

  var operationRate: Double { Double(benchmark.work.operations) / seconds }
  var byteRate: Double { Double(benchmark.work.bytes) / seconds }
  /// Operations for each byte.
  var intensity: Double { Double(benchmark.work.operations) / Double(benchmark.work.bytes) }

  /// Which of the limits would take longest, and what part of the time that is. A cache reads and writes at once: the bytes
  /// that are read take the time of reading, all of them at least that of updating.
  func share(of limits: Limits) -> (name: String, value: Double) {
    let level = benchmark.work.bytes <= CacheSize.l1 ? Limits.Level.l1 : .l2
    let computing = operationRate / limits.operationRate
    let reading = Double(benchmark.work.bytes - bytesWritten) / seconds / limits.readRate(level)
    let moving = max(reading, byteRate / max(limits.readRate(level), limits.updateRate(level)))
    return computing >= moving ? ("FMA", computing) : (level.rawValue, moving)
  }
}

struct ModelResult {
  let benchmark: ModelBenchmark
  let seconds: Double
  let images: Int

  var imageRate: Double { Double(images) / seconds }
}

/// Steps of one batch on different numbers of threads.
struct ScalingResult {
  static let threads = [1, 2, 4]
  static let batches = [1, 32, 128]

  let batch: Int
  /// Images a second for each of `threads`.
  let imageRates: [Double]
}

extension Results {
  static func measured() throws -> Results {
    let place = try Place.here()
    let limits = InstructionSet.available.compactMap(Limits.measured)
    let kernels = try KernelBenchmark.all.map(measured)
    let models = try ModelBenchmark.all.map(measured)
    if ModelBenchmark.dataFolder == nil { print("Loading_idx is left out: KERNELVLM_DATA names no folder") }
    return Results(
      place: place, limits: limits, kernels: kernels, models: models,
      scaling: try ScalingResult.batches.map(scaling))
  }

  /// Every case with a time that nobody measured.
  static var unmeasured: Results {
    Results(
      place: Place(processor: "no processor", date: "", commit: "", toolchain: "", load: ""),
      limits: InstructionSet.available.map {
        Limits(
          instructionSet: $0.rawValue, operationRate: 1e11, readRate: [.l1: 2e11, .l2: 1e11],
          updateRate: [.l1: 2e11, .l2: 1e11])
      },
      kernels: KernelBenchmark.all.map { KernelResult(benchmark: $0, seconds: 1e-6, bytesWritten: 0) },
      models: ModelBenchmark.all.map { ModelResult(benchmark: $0, seconds: 1e-3, images: 1) },
      scaling: ScalingResult.batches.map {
        ScalingResult(batch: $0, imageRates: ScalingResult.threads.map(Double.init))
      })
  }

  private static func measured(_ benchmark: KernelBenchmark) throws -> KernelResult {
    try require(benchmark.name, benchmark.violations())
    let seconds = leastTime(.milliseconds(benchmark.kernels == "reference" ? 20 : 60), benchmark.prepare())
    let result = KernelResult(benchmark: benchmark, seconds: seconds, bytesWritten: benchmark.bytesWritten())
    print(benchmark.name, Format.time(seconds), "\(Format.rate(result.operationRate)) GFLOP/s")
    return result
  }

  private static func measured(_ benchmark: ModelBenchmark) throws -> ModelResult {
    try require(benchmark.name, benchmark.violations())
    let call = try benchmark.prepare()
    var images = 0
    let seconds = try leastTime(.milliseconds(500)) { images = try call() }
    let result = ModelResult(benchmark: benchmark, seconds: seconds, images: images)
    print(benchmark.name, Format.time(seconds), "\(Format.count(result.imageRate)) images/s")
    return result
  }

  /// The numbers of threads take turns, so that what else the machine does falls on all of them.
  private static func scaling(batch: Int) throws -> ScalingResult {
    let calls = try ScalingResult.threads.map { try ModelBenchmark.step(batch: batch, threads: $0).prepare() }
    var seconds = calls.map { _ in Double.infinity }
    for _ in 0..<10 {
      for (index, call) in calls.enumerated() {
        seconds[index] = min(seconds[index], try leastTime(.milliseconds(50)) { _ = try call() })
      }
    }
    return ScalingResult(batch: batch, imageRates: seconds.map { Double(batch) / $0 })
  }
}
