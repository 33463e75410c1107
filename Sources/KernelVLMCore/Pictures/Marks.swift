import ReferenceKernels

/// Components that are one digit.
struct Mark {
  let components: [Component]
  let box: PixelBox

  init(_ components: [Component]) {
    precondition(!components.isEmpty, "a mark of no ink")
    self.components = components
    box = components.dropFirst().reduce(components[0].box) { $0.union($1.box) }
  }
}

extension Writing {
  /// All ink as one digit, without specks: components with less than a fiftieth of it.
  var single: Mark? {
    let all = components.reduce(0) { $0 + $1.pixels.count }
    let kept = components.filter { 50 * $0.pixels.count >= all }
    return kept.isEmpty ? nil : Mark(kept)
  }

  /// Each digit, in the order in which one reads: rows from top to bottom, each from left to right.
  var digits: [Mark] {
    let lines = components.filter { $0.isLine }
    let height = lines.weighted(0.5) { $0.box.rows.count }
    let level = lines.weighted(0.5) { $0.level }
    guard let height, let level else { return [] }
    let strokes = lines.filter { 5 * $0.level >= 2 * level && 12 * $0.box.longerEdge >= height }
    return Mark.inReadingOrder(
      Mark.joined(strokes.map { Mark([$0]) }, height: height).filter { $0.isDigit(height: height) })
  }
}

extension Mark {
  /// Whether it may be a digit where these are about `height` pixels high.
  fileprivate func isDigit(height: Int) -> Bool {
    let (rows, columns) = (box.rows.count, box.columns.count)
    return 5 * max(rows, columns) >= 2 * height && 3 * rows >= height && columns <= 4 * height
  }

  /// Fragments of one digit made one, until none belong together.
  fileprivate static func joined(_ marks: [Mark], height: Int) -> [Mark] {
    var (marks, count) = (marks, 0)
    while count != marks.count {
      count = marks.count
      var index = 0
      while index < marks.count {
        let mark = marks[index]
        if let other = marks.indices.first(where: { $0 > index && mark.belongs(to: marks[$0], height: height) }) {
          marks[index] = Mark(mark.components + marks.remove(at: other).components)
        } else {
          index += 1
        }
      }
    }
    return marks
  }

  /// Whether both are parts of one digit, of about `height` pixels.
  private func belongs(to other: Mark, height: Int) -> Bool {
    let (rows, columns) = (box.rows.overlap(other.box.rows), box.columns.overlap(other.box.columns))
    let (lower, narrower) = (min(box.rows.count, other.box.rows.count), min(box.columns.count, other.box.columns.count))
    let union = box.union(other.box)
    let (isBelow, isBeside) = (2 * columns >= narrower, 2 * rows >= lower)
    let isFragment = 2 * min(box.longerEdge, other.box.longerEdge) <= height
    if rows > 0 && columns > 0 { return isBelow || isFragment }
    // The bar of a 5 above it; a line that is interrupted.
    return isBelow && -5 * rows <= height && 2 * union.rows.count <= 3 * height
      || isBeside && -14 * columns <= height && 10 * union.columns.count <= 9 * height
  }

  /// Each mark goes on the row whose last mark it stands beside, the nearest of them: so a row may slope.
  fileprivate static func inReadingOrder(_ marks: [Mark]) -> [Mark] {
    func start(_ mark: Mark) -> (Int, Int) { (mark.box.columns.lowerBound, mark.box.rows.lowerBound) }
    var rows: [[Mark]] = []
    for mark in marks.sorted(by: { start($0) < start($1) }) {
      func gap(_ row: [Mark]) -> Int { row.last.map { mark.box.columns.lowerBound - $0.box.columns.upperBound } ?? 0 }
      let beside = rows.indices.filter { rows[$0].last?.isBeside(mark) ?? false }
      if let row = beside.min(by: { gap(rows[$0]) < gap(rows[$1]) }) {
        rows[row].append(mark)
      } else {
        rows.append([mark])
      }
    }
    func middle(_ row: [Mark]) -> Int {
      row.reduce(0) { $0 + $1.box.rows.lowerBound + $1.box.rows.upperBound } / row.count
    }
    return rows.sorted { middle($0) < middle($1) }.flatMap { $0 }
  }

  private func isBeside(_ other: Mark) -> Bool {
    2 * box.rows.overlap(other.box.rows) >= min(box.rows.count, other.box.rows.count)
  }
}
