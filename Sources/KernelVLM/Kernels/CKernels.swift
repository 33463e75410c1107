import CVLMKernels
import ReferenceKernels

/// The kernels in C: float32, vectorised for one instruction set.
///
/// This file checks that the shapes agree, which C takes on trust, and is the only one that calls C.
// Unchecked, because a pointer is never Sendable: this one is to a constant table.
public struct CKernels: Kernels, @unchecked Sendable {
  public typealias Scalar = Float

  public let instructionSet: InstructionSet
  /// The most threads that one matmul may share its rows with; the result does not depend on it.
  public let threads: Int
  let table: UnsafePointer<vlm_kernels>

  /// Fails if this processor does not have the instruction set.
  public init?(_ instructionSet: InstructionSet, threads: Int = 1) {
    guard let table = vlm_kernels_for(instructionSet.identifier) else { return nil }
    self.instructionSet = instructionSet
    self.threads = threads
    self.table = table
  }

  /// For the best instruction set that this processor has.
  public init(threads: Int = 1) {
    guard let kernels = CKernels(.best, threads: threads) else { preconditionFailure("no baseline kernels") }
    self = kernels
  }
}

extension CKernels {
  public func poolingForward(_ x: Matrix<Float>, image: Span<UInt8>, side: Int, size: Int) {
    x.require(1, size * size)
    precondition(
      image.count == side * side && size >= 1 && size <= side, "\(image.count) bytes, side \(side), size \(size)")
    image.withUnsafeBufferPointer { bytes in
      if let bytes = bytes.baseAddress { table.pointee.pooling_forward(x.pointer, bytes, side, size) }
    }
  }

  public func matmulForward(_ y: Matrix<Float>, x: Matrix<Float>, w: Matrix<Float>, accumulate: Bool) {
    let (n, k, m) = (x.rows, x.columns, w.rows)
    y.require(n, m)
    x.require(n, k)
    w.require(m, k)
    if threads == 1 {
      table.pointee.matmul_forward(y.pointer, x.pointer, w.pointer, n, k, m, accumulate.flag)
    } else {
      vlm_matmul_forward(table, Int32(threads), y.pointer, x.pointer, w.pointer, n, k, m, accumulate.flag)
    }
  }

  public func matmulBackwardInput(_ dx: Matrix<Float>, dy: Matrix<Float>, w: Matrix<Float>, accumulate: Bool) {
    let (n, k, m) = (dy.rows, w.columns, w.rows)
    dx.require(n, k)
    dy.require(n, m)
    w.require(m, k)
    if threads == 1 {
      table.pointee.matmul_backward_input(dx.pointer, dy.pointer, w.pointer, n, k, m, accumulate.flag)
    } else {
      vlm_matmul_backward_input(table, Int32(threads), dx.pointer, dy.pointer, w.pointer, n, k, m, accumulate.flag)
    }
  }

  public func matmulBackwardWeight(_ dw: Matrix<Float>, dy: Matrix<Float>, x: Matrix<Float>, accumulate: Bool) {
    let (n, k, m) = (x.rows, x.columns, dw.rows)
    dw.require(m, k)
    dy.require(n, m)
    x.require(n, k)
    if threads == 1 {
      table.pointee.matmul_backward_weight(dw.pointer, dy.pointer, x.pointer, n, k, m, accumulate.flag)
    } else {
      vlm_matmul_backward_weight(table, Int32(threads), dw.pointer, dy.pointer, x.pointer, n, k, m, accumulate.flag)
    }
  }

  public func featureProductForward(
    _ y: Matrix<Float>, factors: Matrix<Float>, x: Matrix<Float>, w: Matrix<Float>
  ) {
    let (n, k, m) = (x.rows, x.columns, y.columns)
    let degree = w.rows / max(m, 1)
    y.require(n, m, strided: true)
    factors.require(n, degree * m)
    x.require(n, k)
    w.require(degree * m, k)
    table.pointee.feature_product_forward(
      y.pointer, y.stride, factors.pointer, x.pointer, w.pointer, n, k, m, degree)
  }

  public func featureProductBackward(
    dw: Matrix<Float>?, dx: Matrix<Float>?, dfactors: Matrix<Float>, dy: Matrix<Float>, factors: Matrix<Float>,
    x: Matrix<Float>, w: Matrix<Float>, accumulate: Bool
  ) {
    let (n, k, m) = (x.rows, x.columns, dy.columns)
    let degree = w.rows / max(m, 1)
    dw?.require(degree * m, k)
    dx?.require(n, k)
    dfactors.require(n, degree * m)
    dy.require(n, m, strided: true)
    factors.require(n, degree * m)
    x.require(n, k)
    w.require(degree * m, k)
    table.pointee.feature_product_backward(
      dw?.pointer, dx?.pointer, dfactors.pointer, dy.pointer, dy.stride, factors.pointer, x.pointer, w.pointer, n, k, m,
      degree, accumulate.flag)
  }

  public func tensorProductForward(
    _ y: Matrix<Float>, factors: Matrix<Float>, x1: Matrix<Float>, x2: Matrix<Float>, a: Matrix<Float>,
    b: Matrix<Float>
  ) {
    let (n, k, m) = (x1.rows, x1.columns, y.columns)
    y.require(n, m, strided: true)
    factors.require(n, 2 * m)
    for x in [x1, x2] { x.require(n, k) }
    for w in [a, b] { w.require(m, k) }
    table.pointee.tensor_product_forward(
      y.pointer, y.stride, factors.pointer, x1.pointer, x2.pointer, a.pointer, b.pointer, n, k, m)
  }

  public func tensorProductBackward(
    da: Matrix<Float>, db: Matrix<Float>, dx1: Matrix<Float>, dx2: Matrix<Float>, dfactors: Matrix<Float>,
    dy: Matrix<Float>, factors: Matrix<Float>, x1: Matrix<Float>, x2: Matrix<Float>, a: Matrix<Float>,
    b: Matrix<Float>, accumulate: Bool
  ) {
    let (n, k, m) = (x1.rows, x1.columns, dy.columns)
    for x in [dx1, dx2, x1, x2] { x.require(n, k) }
    for w in [da, db, a, b] { w.require(m, k) }
    for f in [dfactors, factors] { f.require(n, 2 * m) }
    dy.require(n, m, strided: true)
    table.pointee.tensor_product_backward(
      da.pointer, db.pointer, dx1.pointer, dx2.pointer, dfactors.pointer, dy.pointer, dy.stride, factors.pointer,
      x1.pointer, x2.pointer, a.pointer, b.pointer, n, k, m, accumulate.flag)
  }

  public func unitNormForward(_ y: Matrix<Float>, norm: Matrix<Float>, x: Matrix<Float>) {
    let (n, k) = (x.rows, x.columns)
    y.require(n, k)
    norm.require(n, 1)
    x.require(n, k)
    table.pointee.unit_norm_forward(y.pointer, norm.pointer, x.pointer, n, k)
  }

  public func unitNormBackward(
    _ dx: Matrix<Float>, dy: Matrix<Float>, y: Matrix<Float>, norm: Matrix<Float>, gradient: GradientKind
  ) {
    let (n, k) = (y.rows, y.columns)
    dx.require(n, k)
    dy.require(n, k)
    y.require(n, k)
    norm.require(n, 1)
    table.pointee.unit_norm_backward(dx.pointer, dy.pointer, y.pointer, norm.pointer, n, k, gradient.flag)
  }

  public func rmsNormForward(_ y: Matrix<Float>, rms: Matrix<Float>, x: Matrix<Float>) {
    let (n, k) = (x.rows, x.columns)
    y.require(n, k)
    rms.require(n, 1)
    x.require(n, k)
    table.pointee.rms_norm_forward(y.pointer, rms.pointer, x.pointer, n, k)
  }

  public func rmsNormBackward(
    _ dx: Matrix<Float>, dy: Matrix<Float>, y: Matrix<Float>, rms: Matrix<Float>, gradient: GradientKind,
    accumulate: Bool
  ) {
    let (n, k) = (y.rows, y.columns)
    dx.require(n, k)
    dy.require(n, k)
    y.require(n, k)
    rms.require(n, 1)
    table.pointee.rms_norm_backward(
      dx.pointer, dy.pointer, y.pointer, rms.pointer, n, k, gradient.flag, accumulate.flag)
  }

  public func embeddingForward(
    _ e: Matrix<Float>, base: Matrix<Float>, tokens: Matrix<Int32>, positions: Matrix<Int32>, wte: Matrix<Float>,
    wpe: Matrix<Float>, visionPositions F: Int
  ) {
    let (B, n, D) = (base.rows, tokens.rows, base.columns)
    e.require(B * F + n, D)
    base.require(B, D)
    tokens.requireIndices(n, below: wte.rows)
    positions.requireIndices(n, below: wpe.rows)
    wte.require(wte.rows, D)
    wpe.require(max(wpe.rows, F), D)
    table.pointee.embedding_forward(
      e.pointer, base.pointer, tokens.pointer, positions.pointer, wte.pointer, wpe.pointer, B, F, n, D)
  }

  public func embeddingBackward(
    dwte: Matrix<Float>, dwpe: Matrix<Float>, dbase: Matrix<Float>, de: Matrix<Float>, tokens: Matrix<Int32>,
    positions: Matrix<Int32>, visionPositions F: Int, accumulate: Bool
  ) {
    let (B, n, D) = (dbase.rows, tokens.rows, dbase.columns)
    dwte.require(dwte.rows, D)
    dwpe.require(max(dwpe.rows, F), D)
    dbase.require(B, D)
    de.require(B * F + n, D)
    tokens.requireIndices(n, below: dwte.rows)
    positions.requireIndices(n, below: dwpe.rows)
    table.pointee.embedding_backward(
      dwte.pointer, dwpe.pointer, dbase.pointer, de.pointer, tokens.pointer, positions.pointer, B, F, n, D, dwte.rows,
      dwpe.rows, accumulate.flag)
  }

  public func gatherForward(_ y: Matrix<Float>, x: Matrix<Float>, index: Matrix<Int32>) {
    let (n, k) = (y.rows, x.columns)
    y.require(n, k)
    x.require(x.rows, k)
    index.requireIndices(n, below: x.rows)
    table.pointee.gather_forward(y.pointer, x.pointer, index.pointer, n, k)
  }

  public func gatherBackward(_ dx: Matrix<Float>, dy: Matrix<Float>, index: Matrix<Int32>) {
    let (n, k) = (dy.rows, dx.columns)
    dx.require(dx.rows, k)
    dy.require(n, k)
    index.requireIndices(n, below: dx.rows)
    table.pointee.gather_backward(dx.pointer, dy.pointer, index.pointer, n, dx.rows, k)
  }

  public func visionKeysForward(
    _ kv: Matrix<Float>, scale: Matrix<Float>, rms: Matrix<Float>, projected: Matrix<Float>, base: Matrix<Float>,
    wpe: Matrix<Float>, wkv: Matrix<Float>
  ) {
    let (B, F, D) = (base.rows, wpe.rows, base.columns)
    kv.require(B * F, 2 * D)
    for m in [scale, rms] { m.require(B * F, 1) }
    projected.require(B + F, 2 * D)
    wpe.require(F, D)
    wkv.require(2 * D, D)
    table.pointee.vision_keys_forward(
      kv.pointer, scale.pointer, rms.pointer, projected.pointer, base.pointer, wpe.pointer, wkv.pointer, B, F, D)
  }

  public func visionKeysBackward(
    dwkv: Matrix<Float>, dbase: Matrix<Float>, dwpe: Matrix<Float>, sums: Matrix<Float>, dkv: Matrix<Float>,
    kv: Matrix<Float>, scale: Matrix<Float>, rms: Matrix<Float>, base: Matrix<Float>, wpe: Matrix<Float>,
    wkv: Matrix<Float>, gradient: GradientKind
  ) {
    let (B, F, D) = (base.rows, wpe.rows, base.columns)
    for m in [dkv, kv] { m.require(B * F, 2 * D) }
    for m in [scale, rms] { m.require(B * F, 1) }
    for m in [dwkv, wkv] { m.require(2 * D, D) }
    for m in [dwpe, wpe] { m.require(F, D) }
    dbase.require(B, D)
    sums.require(B + F, 2 * D)
    table.pointee.vision_keys_backward(
      dwkv.pointer, dbase.pointer, dwpe.pointer, sums.pointer, dkv.pointer, kv.pointer, scale.pointer, rms.pointer,
      base.pointer, wpe.pointer, wkv.pointer, B, F, D, gradient.flag)
  }

  public func tensorAttentionForward(
    _ y: Matrix<Float>, probs: Matrix<Float>, dots: Matrix<Float>, q: Matrix<Float>, keys: KeyValues<Float>,
    heads H: Int
  ) {
    let n = q.rows
    keys.require(queries: n, heads: H, evenHeads: true)
    for m in [y, q] { m.require(n, keys.width) }
    probs.require(H * n, keys.count)
    dots.require(2 * H * n, keys.count)
    table.pointee.tensor_attention_forward(
      y.pointer, probs.pointer, dots.pointer, q.pointer, keys.prefix.pointer, keys.own.pointer, n, keys.prefix.rows,
      keys.own.rows, keys.width, H)
  }

  public func tensorAttentionBackward(
    dq: Matrix<Float>, dkeys: KeyValues<Float>, dy: Matrix<Float>, probs: Matrix<Float>, dots: Matrix<Float>,
    q: Matrix<Float>, keys: KeyValues<Float>, heads H: Int, accumulate: Bool
  ) {
    let n = q.rows
    keys.require(queries: n, heads: H, evenHeads: true)
    dkeys.require(sameShapeAs: keys)
    for m in [dq, dy, q] { m.require(n, keys.width) }
    probs.require(H * n, keys.count)
    dots.require(2 * H * n, keys.count)
    table.pointee.tensor_attention_backward(
      dq.pointer, dkeys.prefix.pointer, dkeys.own.pointer, dy.pointer, probs.pointer, dots.pointer, q.pointer,
      keys.prefix.pointer, keys.own.pointer, n, keys.prefix.rows, keys.own.rows, keys.width, H, accumulate.flag)
  }

  public func dotAttentionForward(
    _ y: Matrix<Float>, probs: Matrix<Float>, q: Matrix<Float>, keys: KeyValues<Float>, heads H: Int
  ) {
    let n = q.rows
    keys.require(queries: n, heads: H)
    for m in [y, q] { m.require(n, keys.width) }
    probs.require(H * n, keys.count)
    table.pointee.dot_attention_forward(
      y.pointer, probs.pointer, q.pointer, keys.prefix.pointer, keys.own.pointer, n, keys.prefix.rows, keys.own.rows,
      keys.width, H)
  }

  public func dotAttentionBackward(
    dq: Matrix<Float>, dkeys: KeyValues<Float>, dy: Matrix<Float>, probs: Matrix<Float>, q: Matrix<Float>,
    keys: KeyValues<Float>, heads H: Int, accumulate: Bool
  ) {
    let n = q.rows
    keys.require(queries: n, heads: H)
    dkeys.require(sameShapeAs: keys)
    for m in [dq, dy, q] { m.require(n, keys.width) }
    probs.require(H * n, keys.count)
    table.pointee.dot_attention_backward(
      dq.pointer, dkeys.prefix.pointer, dkeys.own.pointer, dy.pointer, probs.pointer, q.pointer, keys.prefix.pointer,
      keys.own.pointer, n, keys.prefix.rows, keys.own.rows, keys.width, H, accumulate.flag)
  }

  public func mlpForward(
    _ y: Matrix<Float>, hidden: Matrix<Float>, x: Matrix<Float>, w1: Matrix<Float>, w2: Matrix<Float>, accumulate: Bool
  ) {
    let (n, D, E) = (x.rows, x.columns, w1.rows)
    y.require(n, D)
    hidden.require(n, E)
    x.require(n, D)
    w1.require(E, D)
    w2.require(D, E)
    table.pointee.mlp_forward(
      y.pointer, hidden.pointer, x.pointer, w1.pointer, w2.pointer, n, D, E, accumulate.flag)
  }

  public func mlpBackward(
    dx: Matrix<Float>, dw1: Matrix<Float>, dw2: Matrix<Float>, dhidden: Matrix<Float>, dy: Matrix<Float>,
    hidden: Matrix<Float>, x: Matrix<Float>, w1: Matrix<Float>, w2: Matrix<Float>, accumulate: Bool
  ) {
    let (n, D, E) = (x.rows, x.columns, w1.rows)
    for m in [dx, dy, x] { m.require(n, D) }
    for m in [dhidden, hidden] { m.require(n, E) }
    for m in [dw1, w1] { m.require(E, D) }
    for m in [dw2, w2] { m.require(D, E) }
    table.pointee.mlp_backward(
      dx.pointer, dw1.pointer, dw2.pointer, dhidden.pointer, dy.pointer, hidden.pointer, x.pointer, w1.pointer,
      w2.pointer, n, D, E, accumulate.flag)
  }

  public func crossEntropyForward(
    _ loss: Matrix<Float>, probs: Matrix<Float>, logits: Matrix<Float>, targets: Matrix<Int32>, gradient: GradientKind
  ) {
    let (n, V) = (logits.rows, logits.columns)
    loss.require(n, 1)
    probs.require(n, V)
    logits.require(n, V)
    targets.requireIndices(n, below: V)
    table.pointee.cross_entropy_forward(
      loss.pointer, probs.pointer, logits.pointer, targets.pointer, n, V, gradient.flag)
  }

  public func crossEntropyBackward(
    _ dlogits: Matrix<Float>, probs: Matrix<Float>, targets: Matrix<Int32>, weights: Matrix<Float>
  ) {
    let (n, V) = (probs.rows, probs.columns)
    dlogits.require(n, V)
    probs.require(n, V)
    targets.requireIndices(n, below: V)
    weights.require(n, 1)
    table.pointee.cross_entropy_backward(
      dlogits.pointer, probs.pointer, targets.pointer, weights.pointer, n, V)
  }

  public func reconstructionForward(
    _ value: Matrix<Float>, state s: ReconstructionState<Float>, g: Matrix<Float>, x: Matrix<Float>, c: Matrix<Float>
  ) {
    let (n, P, m) = (x.rows, x.columns, g.columns)
    value.require(n, 1)
    s.require(n, m)
    g.require(n, m, strided: true)
    x.require(n, P)
    c.require(2 * m, P)
    table.pointee.reconstruction_forward(
      value.pointer, s.unit.pointer, s.norm.pointer, s.rowNorms.pointer, s.grams.pointer, g.pointer, g.stride,
      x.pointer, c.pointer, n, P, m)
  }

  public func reconstructionBackward(
    dg: Matrix<Float>, dc: Matrix<Float>, weights: Matrix<Float>, value: Matrix<Float>,
    state s: ReconstructionState<Float>, c: Matrix<Float>
  ) {
    let (n, P, m) = (dg.rows, dc.columns, dg.columns)
    dg.require(n, m, strided: true)
    for rows in [dc, c, s.rows, s.drows] { rows.require(2 * m, P) }
    weights.require(n, 1)
    value.require(n, 1)
    s.require(n, m)
    s.dgrams.require(2 * m, m)
    table.pointee.reconstruction_backward(
      dg.pointer, dg.stride, dc.pointer, s.rows.pointer, s.drows.pointer, s.dgrams.pointer, weights.pointer,
      value.pointer, s.unit.pointer, s.norm.pointer, s.rowNorms.pointer, s.grams.pointer, c.pointer, n, P, m)
  }

  public func adamStep(
    _ p: Matrix<Float>, m: Matrix<Float>, v: Matrix<Float>, gradient: Matrix<Float>, settings: AdamSettings<Float>
  ) {
    for matrix in [p, m, v, gradient] { matrix.require(p.rows, p.columns) }
    var settings = vlm_adam_settings(settings)
    table.pointee.adam_step(p.pointer, m.pointer, v.pointer, gradient.pointer, p.rows * p.columns, &settings)
  }

  public func adamStepOuter(
    _ p: Matrix<Float>, m: Matrix<Float>, v: Matrix<Float>, d: Matrix<Float>, x: Matrix<Float>,
    settings: AdamSettings<Float>
  ) {
    for matrix in [p, m, v] { matrix.require(d.columns, x.columns) }
    for matrix in [d, x] { matrix.require(1, matrix.columns) }
    var settings = vlm_adam_settings(settings)
    table.pointee.adam_step_outer(
      p.pointer, m.pointer, v.pointer, d.pointer, x.pointer, d.columns, x.columns, &settings)
  }

  public func squaredNorm(_ x: Matrix<Float>) -> Double {
    x.require(x.rows, x.columns)
    return table.pointee.squared_norm(x.pointer, x.rows * x.columns)
  }

  public func add(_ y: Matrix<Float>, _ x: Matrix<Float>) {
    y.require(x.rows, x.columns)
    x.require(x.rows, x.columns)
    table.pointee.add(y.pointer, x.pointer, x.rows * x.columns)
  }

  public func parallel(count: Int, threads: Int, _ body: (_ i: Int, _ thread: Int) -> Void) {
    // C would do the same, but a closure that C calls is not inlined: a training of single images takes 1 % longer.
    guard min(count, threads) > 1 else {
      for i in 0..<count { body(i, 0) }
      return
    }
    // C calls back before it returns, so a pointer to the closure outlives all its uses.
    withoutActuallyEscaping(body) { body in
      var body = body
      withUnsafeMutablePointer(to: &body) { body in
        vlm_parallel(
          count, Int32(threads),
          { body, i, thread in
            body?.assumingMemoryBound(to: ((Int, Int) -> Void).self).pointee(i, Int(thread))
          }, body)
      }
    }
  }
}

extension Matrix {
  /// Stops with both shapes if this one is another. C walks whole rows: they must touch unless `strided`.
  @inline(__always)
  fileprivate func require(_ rows: Int, _ columns: Int, strided: Bool = false) {
    precondition(
      self.rows == rows && self.columns == columns && (strided || stride == columns || rows <= 1),
      "\(self.rows) × \(self.columns), stride \(stride), where \(rows) × \(columns) is needed")
  }
}

extension Matrix<Int32> {
  @inline(__always)
  fileprivate func requireIndices(_ count: Int, below limit: Int) {
    require(count, 1)
    for i in 0..<count {
      precondition(self[i, 0] >= 0 && self[i, 0] < limit, "index \(self[i, 0]) of \(limit)")
    }
  }
}

extension KeyValues<Float> {
  @inline(__always)
  fileprivate func require(queries: Int, heads: Int, evenHeads: Bool = false) {
    prefix.require(prefix.rows, 2 * width)
    own.require(own.rows, 2 * width)
    precondition(queries <= own.rows, "\(queries) queries at \(own.rows) positions")
    precondition(
      heads > 0 && width % (evenHeads ? 2 * heads : heads) == 0, "width \(width) in \(heads) heads")
  }

  @inline(__always)
  fileprivate func require(sameShapeAs other: KeyValues) {
    prefix.require(other.prefix.rows, 2 * other.width)
    own.require(other.own.rows, 2 * other.width)
  }
}

extension ReconstructionState<Float> {
  @inline(__always)
  fileprivate func require(_ n: Int, _ m: Int) {
    unit.require(n, m)
    norm.require(n, 1)
    rowNorms.require(2 * m, 1)
    grams.require(2 * m, m)
  }
}

extension vlm_adam_settings {
  fileprivate init(_ s: AdamSettings<Float>) {
    self.init(
      gradient_scale: s.gradientScale, learning_rate: s.learningRate, beta1: s.beta1, beta2: s.beta2,
      correction1: s.correction1, correction2: s.correction2, epsilon: s.epsilon, weight_decay: s.weightDecay)
  }
}

extension Bool {
  @inline(__always)
  fileprivate var flag: Int32 { self ? 1 : 0 }
}

extension GradientKind {
  /// The `published` of the C functions.
  @inline(__always)
  fileprivate var flag: Int32 { self == .published ? 1 : 0 }
}
