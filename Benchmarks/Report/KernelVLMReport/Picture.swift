import Cases
import Foundation

/// The roofline (Williams, Waterman and Patterson, 2009): operations a second over operations for each byte, both on
/// logarithmic axes. No kernel can be above the FMA peak, nor above intensity times bandwidth.
struct Picture {
  private let results: Results
  private let marked: [Marked]
  private let plot = Box(left: 84, top: 96, right: 1270, bottom: 850)
  private let xRange: ClosedRange<Double>
  private let yRange: ClosedRange<Double>

  /// A kernel at one size, with the best instruction set.
  private struct Marked {
    let result: KernelResult
    let title: String
    var isModelSize: Bool { result.benchmark.isModelSize }
    var operation: String { result.benchmark.operation }
  }

  init(_ results: Results) {
    self.results = results
    // What only moves numbers has no place on an axis of operations.
    let computing = results.kernels.filter { $0.benchmark.work.operations > 0 }
    marked = computing.filter { $0.benchmark.kernels == results.best }.map { result in
      let share = results.limits(results.best).map { result.share(of: $0) }
      let reached = share.map { ", \(Format.percent($0.value)) of \($0.name)" } ?? ""
      return Marked(
        result: result,
        title: "\(result.benchmark.caseName): \(Format.rate(result.operationRate)) GFLOP/s\(reached)")
    }
    let intensities = marked.map(\.result.intensity)
    let rates = marked.map(\.result.operationRate)
    let peak = results.limits.map(\.operationRate).max() ?? 1
    xRange = (intensities.min() ?? 0.1) / 1.5...(intensities.max() ?? 10) * 1.6
    yRange = (rates.min() ?? peak / 100) / 1.6...max(peak, rates.max() ?? peak) * 1.7
  }

  var svg: String {
    var svg = SVG(width: 1300, height: 920)
    drawTitle(&svg)
    drawAxes(&svg)
    let roofLabels = drawRoofs(&svg)
    drawDots(&svg)
    drawLabels(&svg, taken: roofLabels + [legendBox])
    drawLegend(&svg)
    return svg.text
  }

  // The larger sizes lie behind the model's.
  private func drawDots(_ svg: inout SVG) {
    for dot in marked.filter({ !$0.isModelSize }) + marked.filter(\.isModelSize) {
      let family = Family.of(dot.operation)
      svg.mark(
        Self.shape(dot.operation), at: point(dot), size: dot.isModelSize ? 4.6 : 3.2, color: family.color,
        filled: dot.isModelSize, title: dot.title)
    }
  }

  /// One label for each kernel and direction, at the largest of the model's sizes; dense places first.
  private func drawLabels(_ svg: inout SVG, taken: [Box]) {
    let labelled = Dictionary(grouping: marked.filter(\.isModelSize), by: \.operation).values
      .compactMap { $0.max { $0.result.benchmark.work.operations < $1.result.benchmark.work.operations } }
    func crowd(_ dot: Marked) -> Int {
      let p = point(dot)
      return labelled.count { hypot(point($0).x - p.x, point($0).y - p.y) < 90 }
    }
    let ordered = labelled.sorted { (crowd($1), $0.operation) < (crowd($0), $1.operation) }
    var placement = LabelPlacement(area: plot, fontSize: 12, dots: marked.map(point), lines: roofs, taken: taken)
    let boxes = ordered.map { ($0, placement.place(Self.label($0.operation), at: point($0))) }
    for (dot, box) in boxes {
      svg.line(from: point(dot), to: box.nearest(to: point(dot)), color: Family.of(dot.operation).color, width: 0.9)
    }
    for (dot, box) in boxes {
      svg.text(
        Self.label(dot.operation), at: Point(x: (box.left + box.right) / 2, y: box.bottom - 3), size: 12,
        color: Family.of(dot.operation).color, anchor: "middle", weight: "bold", halo: true)
    }
  }

  private static func label(_ operation: String) -> String { operation.replacing("_", with: " ") }

  private static func shape(_ operation: String) -> Mark { operation.contains("backward") ? .square : .disc }
}

/// Kernels of one colour.
private struct Family: Equatable {
  let name: String
  let color: String
  let kernels: [String]

  /// Colours that can be told apart without red or green (Okabe and Ito), darkened for text on white.
  static let all = [
    Family(
      name: "matrix products", color: "#0062a3",
      kernels: ["Matmul", "MLP", "FeatureProduct", "TensorProduct", "LocalProduct", "Reconstruction"]),
    Family(name: "attention", color: "#b8480b", kernels: ["Attention", "VisionProjection", "VisionAttention"]),
    Family(name: "norms", color: "#00765a", kernels: ["UnitNorm", "RMSNorm", "Pooling", "Augmentation"]),
    Family(name: "embedding and cross entropy", color: "#9b4a7c", kernels: ["Embedding", "Gather", "CrossEntropy"]),
    Family(name: "optimizer", color: "#8a6a00", kernels: ["Adam", "Reduction"]),
  ]

  static func of(_ operation: String) -> Family {
    let kernel = operation.prefix { $0 != "_" }
    return all.first { $0.kernels.contains(String(kernel)) } ?? Family(name: "other", color: "#57606a", kernels: [])
  }
}

extension Picture {
  private func point(_ dot: Marked) -> Point { point(dot.result.intensity, dot.result.operationRate) }

  private func point(_ intensity: Double, _ rate: Double) -> Point {
    func along(_ x: Double, _ range: ClosedRange<Double>) -> Double {
      log(x / range.lowerBound) / log(range.upperBound / range.lowerBound)
    }
    return Point(
      x: plot.left + along(intensity, xRange) * (plot.right - plot.left),
      y: plot.bottom - along(rate, yRange) * (plot.bottom - plot.top))
  }

  private func drawTitle(_ svg: inout SVG) {
    let place = results.place
    svg.text("Every kernel under this machine's roofs", at: Point(x: plot.left, y: 38), size: 22, weight: "bold")
    svg.text(
      "\(place.processor). Kernels in C with \(results.best), one thread, least time. \(place.toolchain), "
        + "commit \(place.commit), \(place.date)",
      at: Point(x: plot.left, y: 64), size: 14, color: "#57606a")
  }

  private func drawAxes(_ svg: inout SVG) {
    for x in Self.ticks(xRange) {
      let p = point(x, yRange.lowerBound)
      svg.line(from: p, to: Point(x: p.x, y: plot.top), color: "#eaeef2")
      svg.text(Self.tick(x), at: Point(x: p.x, y: p.y + 19), size: 13, color: "#57606a", anchor: "middle")
    }
    for rate in Self.ticks(yRange.lowerBound / 1e9...yRange.upperBound / 1e9) {
      let p = point(xRange.lowerBound, rate * 1e9)
      svg.line(from: p, to: Point(x: plot.right, y: p.y), color: "#eaeef2")
      svg.text(Self.tick(rate), at: Point(x: p.x - 8, y: p.y + 4.5), size: 13, color: "#57606a", anchor: "end")
    }
    let corner = Point(x: plot.left, y: plot.bottom)
    svg.line(from: corner, to: Point(x: plot.right, y: plot.bottom), color: "#8c959f")
    svg.line(from: corner, to: Point(x: plot.left, y: plot.top), color: "#8c959f")
    svg.text(
      "operations for each byte of the operands (FLOP/B)", at: Point(x: (plot.left + plot.right) / 2, y: 898), size: 14,
      anchor: "middle")
    svg.text(
      "GFLOP/s", at: Point(x: 30, y: (plot.top + plot.bottom) / 2), size: 14, anchor: "middle", turned: -90)
  }

  /// 1, 2 and 5 times every power of ten.
  private static func ticks(_ range: ClosedRange<Double>) -> [Double] {
    (-6...9).flatMap { exponent in [1, 2, 5].map { $0 * pow(10, Double(exponent)) } }.filter(range.contains)
  }

  private static func tick(_ x: Double) -> String {
    x >= 1 ? "\(Int(x.rounded()))" : "\((1e6 * x).rounded() / 1e6)"
  }

  /// The FMA peak of each instruction set, and what the caches give to the best one.
  /// - Returns: where the labels stand.
  private func drawRoofs(_ svg: inout SVG) -> [Box] {
    guard let best = results.limits(results.best) else { return [] }
    return peakGroups.map { drawPeak($0, under: best, &svg) }
      + [Limits.Level.l1, .l2].flatMap { drawBandwidth($0, best, &svg) }
  }

  /// Instruction sets whose peaks are the same, as far as a line shows.
  private var peakGroups: [[Limits]] {
    results.limits.sorted { $0.operationRate < $1.operationRate }.reduce(into: []) { groups, limits in
      if let slowest = groups.last?.first, limits.operationRate < 1.05 * slowest.operationRate {
        groups[groups.count - 1].append(limits)
      } else {
        groups.append([limits])
      }
    }
  }

  private func drawPeak(_ limits: [Limits], under best: Limits, _ svg: inout SVG) -> Box {
    let rate = limits.map(\.operationRate).max() ?? 0
    let names = limits.map(\.instructionSet).sorted()
    let (ridge, end) = peakLine(rate, best)
    svg.line(
      from: ridge, to: end, color: "#24292f", width: names.contains(best.instructionSet) ? 2.2 : 1.3)
    let text = "\(names.joined(separator: " and ")), multiply-add: \(Format.rate(rate)) GFLOP/s"
    svg.text(text, at: Point(x: end.x - 6, y: end.y - 7), size: 13, anchor: "end", weight: "bold", halo: true)
    return Box(left: end.x - 7.6 * Double(text.count), top: end.y - 22, right: end.x, bottom: end.y + 3)
  }

  /// Where the roofs are drawn.
  private var roofs: [(Point, Point)] {
    guard let best = results.limits(results.best) else { return [] }
    return results.limits.map { peakLine($0.operationRate, best) }
      + [Limits.Level.l1, .l2].map { bandwidthLine($0, best) }
  }

  private func peakLine(_ rate: Double, _ best: Limits) -> (Point, Point) {
    (point(max(rate / best.readRate(.l1), xRange.lowerBound), rate), point(xRange.upperBound, rate))
  }

  private func bandwidthLine(_ level: Limits.Level, _ best: Limits) -> (Point, Point) {
    let rate = best.readRate(level)
    let first = max(xRange.lowerBound, yRange.lowerBound / rate)
    return (point(first, first * rate), point(best.operationRate / rate, best.operationRate))
  }

  private func drawBandwidth(_ level: Limits.Level, _ best: Limits, _ svg: inout SVG) -> [Box] {
    let rate = best.readRate(level)
    let (start, end) = bandwidthLine(level, best)
    svg.line(from: start, to: end, color: "#24292f", width: 1.6, dash: level == .l1 ? "7 5" : nil)
    let angle = atan2(end.y - start.y, end.x - start.x)
    let (t, offset) = (0.34, 8.0)
    let at = Point(
      x: start.x + t * (end.x - start.x) + offset * sin(angle), y: start.y + t * (end.y - start.y) - offset * cos(angle)
    )
    let text = "\(level.rawValue) reading: \(Format.rate(rate)) GB/s"
    svg.text(text, at: at, size: 13, anchor: "middle", weight: "bold", turned: angle * 180 / .pi, halo: true)
    return Self.boxes(along: text, at: at, angle: angle)
  }

  /// A turned text, as small upright boxes.
  private static func boxes(along text: String, at p: Point, angle: Double) -> [Box] {
    let half = 3.6 * Double(text.count)
    return stride(from: -half, through: half, by: 12).map { s in
      let q = Point(x: p.x + s * cos(angle), y: p.y + s * sin(angle))
      return Box(left: q.x - 11, top: q.y - 11, right: q.x + 9, bottom: q.y + 9)
    }
  }

  private var legendBox: Box {
    Box(left: plot.right - 262, top: plot.bottom - 218, right: plot.right - 8, bottom: plot.bottom - 10)
  }

  private func drawLegend(_ svg: inout SVG) {
    let left = legendBox.left + 16
    var y = legendBox.top + 16
    func entry(_ shape: Mark, _ color: String, filled: Bool, _ text: String) {
      svg.mark(shape, at: Point(x: left, y: y - 4), size: filled ? 4.6 : 3.2, color: color, filled: filled)
      svg.text(text, at: Point(x: left + 14, y: y), size: 13)
      y += 22
    }
    for family in Family.all { entry(.disc, family.color, filled: true, family.name) }
    y += 6
    entry(.disc, "#57606a", filled: true, "forward, or one direction only")
    entry(.square, "#57606a", filled: true, "backward")
    entry(.disc, "#57606a", filled: true, "the default model's sizes")
    entry(.disc, "#57606a", filled: false, "larger sizes")
  }
}
