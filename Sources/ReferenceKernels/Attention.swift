/// The keys and values that an image's queries see: those of its `vision` positions, visible to all, then those of its
/// `text`, causally. A row holds a key and then its value: (F, 2 D) and (S, 2 D).
///
/// The n queries belong to the last n of the S text positions, so query i sees text positions 0 ... S − n + i.
public struct KeyValues<Scalar: KernelScalar> {
  /// Of the F vision positions: (F, 2 D).
  public let vision: Matrix<Scalar>
  /// Of the S text positions: (S, 2 D).
  public let text: Matrix<Scalar>

  /// Both must have rows of 2 D scalars: traps otherwise.
  @inlinable
  public init(vision: Matrix<Scalar>, text: Matrix<Scalar>) {
    precondition(vision.columns == text.columns, "rows of \(vision.columns) and \(text.columns)")
    self.vision = vision
    self.text = text
  }

  /// T = F + S.
  @inlinable
  public var count: Int { vision.rows + text.rows }
  /// D.
  @inlinable
  public var width: Int { vision.columns / 2 }

  /// The number of positions that query `i` of `n` sees: all before it, and itself.
  @inlinable
  public func visible(toQuery i: Int, of n: Int) -> Int { count - n + i + 1 }

  /// Component `c` of the key (`c` in 0 ..< D) or of the value (`c` in D ..< 2 D) at position `j`.
  @inlinable
  public subscript(j: Int, c: Int) -> Scalar {
    get { j < vision.rows ? vision[j, c] : text[j - vision.rows, c] }
    nonmutating set {
      if j < vision.rows { vision[j, c] = newValue } else { text[j - vision.rows, c] = newValue }
    }
  }

  /// Overwrites every key and every value.
  @inlinable
  public func fill(_ value: Scalar) {
    vision.fill(value)
    text.fill(value)
  }
}

extension Reference {
  /// Attention whose score is a product of R dot products, a kernel of degree 2 R in (q, k).
  ///
  /// Per head of width d, with q = [q_1 … q_R] and k = [k_1 … k_R] in parts of d/R components:
  ///
  ///     score_ij = (q_1,i · k_1,j) (q_2,i · k_2,j) … (q_R,i · k_R,j) / d^(R/2)
  ///     probs_i  = softmax of score_ij over the keys j that query i sees
  ///     y_i      = Σ_j probs_ij v_j
  ///
  /// R = 1 is standard dot attention, q·k / √d; R = 2 is tensor attention, (q1·k1)(q2·k2) / d.
  ///
  /// y, q (n, D); keys: see `KeyValues`. Keeps probs (H n, T), 0 where masked, and if R > 1 the partial scores q_r · k_r,
  /// part by part: (R H n, T).
  @inlinable
  public func attentionForward(
    _ y: Matrix<Scalar>, probs: Matrix<Scalar>, partialScores: Matrix<Scalar>, q: Matrix<Scalar>,
    keys: KeyValues<Scalar>, heads H: Int, degree R: Int
  ) {
    let n = q.rows
    let d = keys.width / H
    let scale = scoreScale(d, degree: R)
    for h in 0..<H {
      for i in 0..<n {
        let visible = keys.visible(toQuery: i, of: n)
        for j in 0..<visible {
          var score: Scalar = 1
          for r in 0..<R {
            var dot: Scalar = 0
            for c in h * d + r * d / R..<h * d + (r + 1) * d / R { dot += q[i, c] * keys[j, c] }
            if R > 1 { partialScores[(r * H + h) * n + i, j] = dot }
            score *= dot
          }
          probs[h * n + i, j] = score / scale
        }
        softmax(probs.rows(h * n + i..<h * n + i + 1), visible: visible)
        for c in h * d..<(h + 1) * d {
          var sum: Scalar = 0
          for j in 0..<visible { sum += probs[h * n + i, j] * keys[j, keys.width + c] }
          y[i, c] = sum
        }
      }
    }
  }

  /// With dprobs_ij = dy_i · v_j the softmax gives dscore_ij = probs_ij (dprobs_ij − Σ_l probs_il dprobs_il), and the product
  /// rule d(q_r·k_r)_ij = dscore_ij ∏_{s ≠ r} (q_s·k_s)_ij / d^(R/2); so
  ///
  ///     dv_j   = Σ_i probs_ij dy_i
  ///     dq_r,i = Σ_j d(q_r·k_r)_ij k_r,j        dk_r,j = Σ_i d(q_r·k_r)_ij q_r,i
  ///
  /// dq (n, D) is overwritten; `accumulate` adds into dkeys, whose shape is that of keys.
  @inlinable
  public func attentionBackward(
    dq: Matrix<Scalar>, dkeys: KeyValues<Scalar>, dy: Matrix<Scalar>, probs: Matrix<Scalar>,
    partialScores: Matrix<Scalar>, q: Matrix<Scalar>, keys: KeyValues<Scalar>, heads H: Int, degree R: Int,
    accumulate: Bool
  ) {
    let (n, D) = (q.rows, keys.width)
    let d = D / H
    let scale = scoreScale(d, degree: R)
    if !accumulate { dkeys.fill(0) }
    dq.fill(0)
    for h in 0..<H {
      let head = h * d..<(h + 1) * d
      for i in 0..<n {
        let visible = keys.visible(toQuery: i, of: n)
        var mean: Scalar = 0
        for j in 0..<visible {
          for c in head {
            mean += probs[h * n + i, j] * dy[i, c] * keys[j, D + c]
            dkeys[j, D + c] += probs[h * n + i, j] * dy[i, c]
          }
        }
        for j in 0..<visible {
          var dprob: Scalar = 0
          for c in head { dprob += dy[i, c] * keys[j, D + c] }
          let dscore = probs[h * n + i, j] * (dprob - mean)
          for r in 0..<R {
            var dpartial = dscore
            for s in 0..<R where s != r { dpartial *= partialScores[(s * H + h) * n + i, j] }
            dpartial /= scale
            for c in h * d + r * d / R..<h * d + (r + 1) * d / R {
              dq[i, c] += dpartial * keys[j, c]
              dkeys[j, c] += dpartial * q[i, c]
            }
          }
        }
      }
    }
  }

  /// d^(R/2).
  @inlinable
  func scoreScale(_ d: Int, degree R: Int) -> Scalar {
    var power: Scalar = 1
    for _ in 0..<R / 2 { power *= Scalar(d) }
    return R % 2 == 0 ? power : power * Scalar(d).squareRoot()
  }

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
}
