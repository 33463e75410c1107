import Cases
import KernelVLM

/// The results in Markdown.
struct Tables {
  let results: Results

  init(_ results: Results) { self.results = results }

  /// For README.md: the machine and the whole model.
  var summary: String {
    [
      "\(conditions)\n\n![Roofline](roofline.svg)", "### The machine's own limits\n\(machine)",
      "### The whole model\n\(wholeModel)\n\n\(loading)", "### Threads\n\(threads)",
      "Every kernel: [results.md](results.md).",
    ].joined(separator: "\n\n") + "\n"
  }

  /// For results.md: every kernel at every size.
  var everything: String {
    [
      "# Every kernel at every size", "Written by KernelVLMReport; [README.md](README.md) says how to read it.",
      conditions, "## At the default model's sizes\n\(kernels { $0.isModelSize })",
      "## At other sizes\n\(kernels { !$0.isModelSize })", "## Rates and shares\n\(rates)",
    ].joined(separator: "\n\n") + "\n"
  }

  private var conditions: String {
    let place = results.place
    return "\(place.processor). \(place.toolchain), commit \(place.commit), \(place.date); the load of the machine was "
      + "\(place.load) when the run began. Least time of each case; kernels on one thread."
  }

  private var machine: String {
    let levels = [Limits.Level.l1, .l2]
    let header =
      ["instruction set", "FMA, GFLOP/s"]
      + levels.flatMap { ["\($0.rawValue) reading, GB/s", "\($0.rawValue) updating, GB/s"] }
    return table(
      header,
      results.limits.map { limits in
        [limits.instructionSet, Format.rate(limits.operationRate)]
          + levels.flatMap { [Format.rate(limits.readRate($0)), Format.rate(limits.updateRate($0))] }
      })
  }

  /// Cases in their order, with the results of each kernel set.
  private func byCase(_ include: (KernelBenchmark) -> Bool) -> [(name: String, results: [String: KernelResult])] {
    let chosen = results.kernels.filter { include($0.benchmark) }
    let grouped = Dictionary(grouping: chosen) { $0.benchmark.caseName }
    var seen: Set<String> = []
    return chosen.map(\.benchmark.caseName).filter { seen.insert($0).inserted }.map { name in
      let ofCase = (grouped[name] ?? []).map { ($0.benchmark.kernels, $0) }
      return (name, Dictionary(ofCase) { first, _ in first })
    }
  }

  private var instructionSets: [String] { results.limits.map(\.instructionSet) }

  private func kernels(_ include: (KernelBenchmark) -> Bool) -> String {
    let sets = ["reference"] + instructionSets
    return table(
      ["case"] + sets + ["speed-up", "GFLOP/s", "GB/s", "of its limit"],
      byCase(include).map { name, results in
        [name] + sets.map { results[$0].map { Format.time($0.seconds) } ?? "" } + rates(results)
      })
  }

  /// Of the best instruction set.
  private func rates(_ ofCase: [String: KernelResult]) -> [String] {
    guard let best = ofCase[results.best], let reference = ofCase["reference"],
      let limits = results.limits(results.best)
    else { return [] }
    let share = best.share(of: limits)
    return [
      Format.ratio(reference.seconds / best.seconds), Format.rate(best.operationRate), Format.rate(best.byteRate),
      "\(Format.percent(share.value)) \(share.name)",
    ]
  }

  private var rates: String {
    table(
      ["case"] + instructionSets.flatMap { ["\($0) GFLOP/s", "GB/s", "of its limit"] },
      byCase { _ in true }.map { name, ofCase in
        [name]
          + instructionSets.flatMap { set -> [String] in
            guard let result = ofCase[set], let limits = results.limits(set) else { return ["", "", ""] }
            let share = result.share(of: limits)
            return [
              Format.rate(result.operationRate), Format.rate(result.byteRate),
              "\(Format.percent(share.value)) \(share.name)",
            ]
          }
      })
  }

  private var wholeModel: String {
    let sets = ["reference"] + instructionSets
    let ofModel = results.models.filter { $0.benchmark.kernels != nil }
    let rows = Dictionary(grouping: ofModel) { Row($0.benchmark) }
    let order = ofModel.filter { $0.benchmark.kernels == results.best }.map { Row($0.benchmark) }
    return table(
      ["case", "threads"] + sets + ["images/s, \(results.best)"],
      order.map { row in
        func result(_ set: String) -> ModelResult? { rows[row]?.first { $0.benchmark.kernels == set } }
        return [row.caseName, "\(row.threads)"] + sets.map { set in result(set).map { Format.time($0.seconds) } ?? "" }
          + [result(results.best).map { Format.count($0.imageRate) } ?? ""]
      })
  }

  private struct Row: Hashable {
    let caseName: String
    let threads: Int

    init(_ benchmark: ModelBenchmark) { (caseName, threads) = (benchmark.caseName, benchmark.threads) }
  }

  private var loading: String {
    table(
      ["case", "time", "images/s"],
      results.models.filter { $0.benchmark.kernels == nil }.map {
        [$0.benchmark.name, Format.time($0.seconds), Format.count($0.imageRate)]
      })
  }

  private var threads: String {
    let header = ScalingResult.threads.flatMap { count in
      count == 1 ? ["1 thread, images/s"] : ["\(count) threads, images/s", "ratio"]
    }
    return table(
      ["batch"] + header,
      results.scaling.map { result in
        ["\(result.batch)"]
          + zip(ScalingResult.threads, result.imageRates).flatMap { count, rate in
            count == 1 ? [Format.count(rate)] : [Format.count(rate), Format.ratio(rate / result.imageRates[0])]
          }
      })
  }

  /// The first column is text, the others are numbers.
  private func table(_ header: [String], _ rows: [[String]]) -> String {
    let rule = header.indices.map { $0 == 0 ? "---" : "---:" }
    return ([header, rule] + rows).map { "| \($0.joined(separator: " | ")) |" }.joined(separator: "\n")
  }
}
