import Foundation

/// Finds places for labels near their dots, one after another: the place that costs least.
struct LabelPlacement {
  /// Where labels may stand.
  let area: Box
  let fontSize: Double
  let dots: [Point]
  /// Lines that labels had better not stand on.
  let lines: [(Point, Point)]
  private var placed: [Box] = []
  private var leaders: [(Point, Point)] = []

  init(area: Box, fontSize: Double, dots: [Point], lines: [(Point, Point)], taken: [Box]) {
    self.area = area
    self.fontSize = fontSize
    self.dots = dots
    self.lines = lines
    placed = taken
  }

  /// The box of a label for the dot at `p`.
  mutating func place(_ text: String, at p: Point) -> Box {
    var best = (cost: Double.infinity, box: box(of: text, center: p))
    for radius in stride(from: 9.0, through: 260, by: 7) {
      for step in 0..<24 {
        let angle = Double(step) / 24 * 2 * .pi
        let candidate = self.candidate(text, at: p, angle: angle, radius: radius)
        let cost = self.cost(candidate, of: p, radius: radius)
        if cost < best.cost { best = (cost, candidate) }
      }
    }
    placed.append(best.box)
    leaders.append((p, best.box.nearest(to: p)))
    return best.box
  }

  /// The box whose edge is `radius` away from the dot in a direction.
  private func candidate(_ text: String, at p: Point, angle: Double, radius: Double) -> Box {
    let size = box(of: text, center: Point(x: 0, y: 0))
    return box(
      of: text,
      center: Point(x: p.x + cos(angle) * (radius + size.right), y: p.y + sin(angle) * (radius + size.bottom)))
  }

  private func box(of text: String, center: Point) -> Box {
    // As wide as the widest of the usual bold faces.
    let width = 0.66 * fontSize * Double(text.count)
    let height = 1.15 * fontSize
    return Box(
      left: center.x - width / 2, top: center.y - height / 2, right: center.x + width / 2,
      bottom: center.y + height / 2)
  }

  private func cost(_ box: Box, of p: Point, radius: Double) -> Double {
    if !area.contains(box) { return .infinity }
    let near = Box(left: box.left - 3, top: box.top - 2, right: box.right + 3, bottom: box.bottom + 2)
    let hidden = dots.count {
      box.left - 4 < $0.x && $0.x < box.right + 4 && box.top - 4 < $0.y && $0.y < box.bottom + 4
    }
    let overlapped = placed.count { $0.overlaps(near) }
    let end = box.nearest(to: p)
    let crossed = leaders.count { Self.cross($0, (p, end)) }
    let struck =
      placed.count { Self.strikes($0, from: p, to: end) }
      + leaders.count { Self.strikes(box, from: $0.0, to: $0.1) }
    let ruled = lines.count { Self.strikes(near, from: $0.0, to: $0.1) }
    return radius + 60 * Double(hidden) + 1000 * Double(overlapped) + 120 * Double(crossed) + 300 * Double(struck)
      + 100 * Double(ruled)
  }

  private static func cross(_ a: (Point, Point), _ b: (Point, Point)) -> Bool {
    func side(_ line: (Point, Point), _ p: Point) -> Bool {
      (line.1.x - line.0.x) * (p.y - line.0.y) > (line.1.y - line.0.y) * (p.x - line.0.x)
    }
    return side(a, b.0) != side(a, b.1) && side(b, a.0) != side(b, a.1)
  }

  private static func strikes(_ box: Box, from a: Point, to b: Point) -> Bool {
    let steps = max(1, Int(hypot(b.x - a.x, b.y - a.y) / 5))
    return (0...steps).contains { step in
      let t = Double(step) / Double(steps)
      let p = Point(x: a.x + t * (b.x - a.x), y: a.y + t * (b.y - a.y))
      return box.left < p.x && p.x < box.right && box.top < p.y && p.y < box.bottom
    }
  }
}
