import ReferenceKernels

/// Neighbouring parameters whose gradient is clipped together.
struct ParameterGroup: Equatable {
  /// Their scalars in the flat buffer.
  let range: Range<Int>
  /// Whether it is one tensor of the polynomial features, which has a clip of its own.
  let isFeature: Bool
}

extension ParameterTable {
  /// Each feature tensor by itself, and what stands between and behind them: they tile 0 ..< count, so that no parameter
  /// is without a group.
  var groups: [ParameterGroup] {
    var groups: [ParameterGroup] = []
    for entry in entries {
      if let last = groups.last, !last.isFeature, !entry.isFeature {
        groups[groups.count - 1] = ParameterGroup(
          range: last.range.lowerBound..<entry.range.upperBound, isFeature: false)
      } else {
        groups.append(ParameterGroup(range: entry.range, isFeature: entry.isFeature))
      }
    }
    var next = 0
    for group in groups {
      precondition(group.range.lowerBound == next, "a group begins at \(group.range.lowerBound), expected \(next)")
      next = group.range.upperBound
    }
    precondition(next == count, "the groups end at \(next) of \(count) parameters")
    return groups
  }
}
