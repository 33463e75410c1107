/// The keys and values that an image's queries see: `prefix` positions, visible to all, then its `own` text positions,
/// causally. A row holds a key and then its value: (F, 2 D) and (S, 2 D).
///
/// The n queries belong to the last n of the S own positions, so query i sees own positions 0 ... S − n + i.
public struct KeyValues<Scalar: KernelScalar> {
  public let prefix: Matrix<Scalar>
  public let own: Matrix<Scalar>

  @inlinable
  public init(prefix: Matrix<Scalar>, own: Matrix<Scalar>) {
    precondition(prefix.columns == own.columns, "rows of \(prefix.columns) and \(own.columns)")
    self.prefix = prefix
    self.own = own
  }

  /// T = F + S.
  @inlinable
  public var count: Int { prefix.rows + own.rows }
  /// D.
  @inlinable
  public var width: Int { prefix.columns / 2 }

  /// The number of positions that query `i` of `n` sees: all before it, and itself.
  @inlinable
  public func visible(toQuery i: Int, of n: Int) -> Int { count - n + i + 1 }

  /// Component `c` of the key (`c` in 0 ..< D) or of the value (`c` in D ..< 2 D) at position `j`.
  @inlinable
  public subscript(j: Int, c: Int) -> Scalar {
    get { j < prefix.rows ? prefix[j, c] : own[j - prefix.rows, c] }
    nonmutating set {
      if j < prefix.rows { prefix[j, c] = newValue } else { own[j - prefix.rows, c] = newValue }
    }
  }

  @inlinable
  public func fill(_ value: Scalar) {
    prefix.fill(value)
    own.fill(value)
  }
}

extension Reference {
  /// probs_i = softmax of the scores in row i over its visible keys, 0 elsewhere; the row is overwritten.
  @inlinable
  func softmax(_ row: Matrix<Scalar>, visible: Int) {
    var largest = row[0, 0]
    for j in 1..<max(visible, 1) { largest = max(largest, row[0, j]) }
    var sum: Scalar = 0
    for j in 0..<visible {
      row[0, j] = Scalar.exp(row[0, j] - largest)
      sum += row[0, j]
    }
    for j in 0..<visible { row[0, j] /= sum }
    for j in visible..<row.columns { row[0, j] = 0 }
  }

  /// y_i = Σ_j probs_ij v_j for the columns of one head.  y (n, D); probs (n, T).
  @inlinable
  func weightedValues(_ y: Matrix<Scalar>, probs: Matrix<Scalar>, keys: KeyValues<Scalar>, head: Range<Int>) {
    for i in 0..<y.rows {
      for c in head {
        var sum: Scalar = 0
        for j in 0..<keys.visible(toQuery: i, of: y.rows) { sum += probs[i, j] * keys[j, keys.width + c] }
        y[i, c] = sum
      }
    }
  }

  /// dv_j += Σ_i probs_ij dy_i, and the gradient of the softmax: with dprobs_ij = dy_i · v_j,
  /// dscore_ij = probs_ij (dprobs_ij − Σ_l probs_il dprobs_il), handed to `body` for each visible pair.
  @inlinable
  func softmaxBackward(
    dkeys: KeyValues<Scalar>, dy: Matrix<Scalar>, probs: Matrix<Scalar>, keys: KeyValues<Scalar>, head: Range<Int>,
    body: (_ i: Int, _ j: Int, _ dscore: Scalar) -> Void
  ) {
    let D = keys.width
    for i in 0..<dy.rows {
      let visible = keys.visible(toQuery: i, of: dy.rows)
      var mean: Scalar = 0
      for j in 0..<visible {
        for c in head {
          mean += probs[i, j] * dy[i, c] * keys[j, D + c]
          dkeys[j, D + c] += probs[i, j] * dy[i, c]
        }
      }
      for j in 0..<visible {
        var dprob: Scalar = 0
        for c in head { dprob += dy[i, c] * keys[j, D + c] }
        body(i, j, probs[i, j] * (dprob - mean))
      }
    }
  }
}
