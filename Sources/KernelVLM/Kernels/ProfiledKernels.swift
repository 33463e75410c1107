import ReferenceKernels

/// Where the time of a training step goes, operation by operation.
///
/// One thread at a time: kernels that are being profiled run on the caller alone.
public final class KernelProfile: @unchecked Sendable {
  /// The operations of `Kernels`, in its order.
  public enum Operation: Int, CaseIterable, Sendable {
    case poolingForward
    case matmulForward
    case matmulBackwardInput
    case matmulBackwardWeight
    case featureProductForward
    case featureProductBackward
    case tensorProductForward
    case tensorProductBackward
    case unitNormForward
    case unitNormBackward
    case rmsNormForward
    case rmsNormBackward
    case embeddingForward
    case embeddingBackward
    case gatherForward
    case gatherBackward
    case visionKeysForward
    case visionKeysBackward
    case tensorAttentionForward
    case tensorAttentionBackward
    case dotAttentionForward
    case dotAttentionBackward
    case mlpForward
    case mlpBackward
    case crossEntropyForward
    case crossEntropyBackward
    case reconstructionForward
    case reconstructionBackward
    case adamStep
    case adamStepOuter
    case squaredNorm
    case add

    /// "tensor attention backward"
    public var name: String {
      "\(self)".replacing(#/(?<lower>[a-z])(?<upper>[A-Z])/#) { "\($0.lower) \($0.upper.lowercased())" }
        .replacing("mlp", with: "MLP").replacing("rms", with: "RMS")
    }
  }

  private var times = [Duration](repeating: .zero, count: Operation.allCases.count)
  private var counts = [Int](repeating: 0, count: Operation.allCases.count)
  private var lastEnd: ContinuousClock.Instant?
  /// Time between the operations: that of the model's graph and of what else the caller does. With the operations' it is
  /// all time from the first to the last.
  public private(set) var timeBetween = Duration.zero
  /// What measuring an operation adds to its own time, and to the time between it and the next.
  public private(set) var overhead = (inside: Duration.seconds(1), between: Duration.seconds(1))

  public init() {
    // An operation that does nothing. The least of ten: the others were interrupted, or not in cache.
    let calls = 1000
    for _ in 0..<10 {
      forget()
      for _ in 0..<calls { measure(.add) {} }
      overhead.inside = min(overhead.inside, time(.add) / calls)
      overhead.between = min(overhead.between, timeBetween / calls)
    }
    forget()
  }

  private func forget() {
    for operation in Operation.allCases { (times[operation.rawValue], counts[operation.rawValue]) = (.zero, 0) }
    (lastEnd, timeBetween) = (nil, .zero)
  }

  /// Time in the operation, over all its calls.
  public func time(_ operation: Operation) -> Duration { times[operation.rawValue] }
  public func calls(_ operation: Operation) -> Int { counts[operation.rawValue] }

  @inline(__always)
  func measure<Result>(_ operation: Operation, _ body: () -> Result) -> Result {
    let start = ContinuousClock.now
    if let lastEnd { timeBetween += lastEnd.duration(to: start) }
    let result = body()
    let end = ContinuousClock.now
    times[operation.rawValue] += start.duration(to: end)
    counts[operation.rawValue] += 1
    lastEnd = end
    return result
  }
}

/// Kernels that keep account of their time. What they compute is what `kernels` compute.
public struct ProfiledKernels<Base: Kernels>: Kernels {
  public typealias Scalar = Base.Scalar

  let kernels: Base
  let profile: KernelProfile

  /// On the caller alone, since the profile has one account.
  public func parallel(count: Int, threads: Int, _ body: (Int, Int) -> Void) {
    kernels.parallel(count: count, threads: 1, body)
  }

  public func poolingForward(_ x: Matrix<Scalar>, image: Span<UInt8>, side: Int, size: Int) {
    profile.measure(.poolingForward) { kernels.poolingForward(x, image: image, side: side, size: size) }
  }

  public func matmulForward(_ y: Matrix<Scalar>, x: Matrix<Scalar>, w: Matrix<Scalar>, accumulate: Bool) {
    profile.measure(.matmulForward) { kernels.matmulForward(y, x: x, w: w, accumulate: accumulate) }
  }

  public func matmulBackwardInput(_ dx: Matrix<Scalar>, dy: Matrix<Scalar>, w: Matrix<Scalar>, accumulate: Bool) {
    profile.measure(.matmulBackwardInput) { kernels.matmulBackwardInput(dx, dy: dy, w: w, accumulate: accumulate) }
  }

  public func matmulBackwardWeight(_ dw: Matrix<Scalar>, dy: Matrix<Scalar>, x: Matrix<Scalar>, accumulate: Bool) {
    profile.measure(.matmulBackwardWeight) { kernels.matmulBackwardWeight(dw, dy: dy, x: x, accumulate: accumulate) }
  }

  public func featureProductForward(_ y: Matrix<Scalar>, factors: Matrix<Scalar>, x: Matrix<Scalar>, w: Matrix<Scalar>)
  {
    profile.measure(.featureProductForward) { kernels.featureProductForward(y, factors: factors, x: x, w: w) }
  }

  public func featureProductBackward(
    dw: Matrix<Scalar>?, dx: Matrix<Scalar>?, dfactors: Matrix<Scalar>, dy: Matrix<Scalar>, factors: Matrix<Scalar>,
    x: Matrix<Scalar>, w: Matrix<Scalar>, accumulate: Bool
  ) {
    profile.measure(.featureProductBackward) {
      kernels.featureProductBackward(
        dw: dw, dx: dx, dfactors: dfactors, dy: dy, factors: factors, x: x, w: w, accumulate: accumulate)
    }
  }

  public func tensorProductForward(
    _ y: Matrix<Scalar>, factors: Matrix<Scalar>, x1: Matrix<Scalar>, x2: Matrix<Scalar>, a: Matrix<Scalar>,
    b: Matrix<Scalar>
  ) {
    profile.measure(.tensorProductForward) {
      kernels.tensorProductForward(y, factors: factors, x1: x1, x2: x2, a: a, b: b)
    }
  }

  public func tensorProductBackward(
    da: Matrix<Scalar>, db: Matrix<Scalar>, dx1: Matrix<Scalar>, dx2: Matrix<Scalar>, dfactors: Matrix<Scalar>,
    dy: Matrix<Scalar>, factors: Matrix<Scalar>, x1: Matrix<Scalar>, x2: Matrix<Scalar>, a: Matrix<Scalar>,
    b: Matrix<Scalar>, accumulate: Bool
  ) {
    profile.measure(.tensorProductBackward) {
      kernels.tensorProductBackward(
        da: da, db: db, dx1: dx1, dx2: dx2, dfactors: dfactors, dy: dy, factors: factors, x1: x1, x2: x2, a: a, b: b,
        accumulate: accumulate)
    }
  }

  public func unitNormForward(_ y: Matrix<Scalar>, norm: Matrix<Scalar>, x: Matrix<Scalar>) {
    profile.measure(.unitNormForward) { kernels.unitNormForward(y, norm: norm, x: x) }
  }

  public func unitNormBackward(
    _ dx: Matrix<Scalar>, dy: Matrix<Scalar>, y: Matrix<Scalar>, norm: Matrix<Scalar>, gradient: GradientKind
  ) {
    profile.measure(.unitNormBackward) { kernels.unitNormBackward(dx, dy: dy, y: y, norm: norm, gradient: gradient) }
  }

  public func rmsNormForward(_ y: Matrix<Scalar>, rms: Matrix<Scalar>, x: Matrix<Scalar>) {
    profile.measure(.rmsNormForward) { kernels.rmsNormForward(y, rms: rms, x: x) }
  }

  public func rmsNormBackward(
    _ dx: Matrix<Scalar>, dy: Matrix<Scalar>, y: Matrix<Scalar>, rms: Matrix<Scalar>, gradient: GradientKind,
    accumulate: Bool
  ) {
    profile.measure(.rmsNormBackward) {
      kernels.rmsNormBackward(dx, dy: dy, y: y, rms: rms, gradient: gradient, accumulate: accumulate)
    }
  }

  public func embeddingForward(
    _ e: Matrix<Scalar>, base: Matrix<Scalar>, tokens: Matrix<Int32>, positions: Matrix<Int32>, wte: Matrix<Scalar>,
    wpe: Matrix<Scalar>, visionPositions: Int
  ) {
    profile.measure(.embeddingForward) {
      kernels.embeddingForward(
        e, base: base, tokens: tokens, positions: positions, wte: wte, wpe: wpe, visionPositions: visionPositions)
    }
  }

  public func embeddingBackward(
    dwte: Matrix<Scalar>, dwpe: Matrix<Scalar>, dbase: Matrix<Scalar>, de: Matrix<Scalar>, tokens: Matrix<Int32>,
    positions: Matrix<Int32>, visionPositions: Int, accumulate: Bool
  ) {
    profile.measure(.embeddingBackward) {
      kernels.embeddingBackward(
        dwte: dwte, dwpe: dwpe, dbase: dbase, de: de, tokens: tokens, positions: positions,
        visionPositions: visionPositions, accumulate: accumulate)
    }
  }

  public func gatherForward(_ y: Matrix<Scalar>, x: Matrix<Scalar>, index: Matrix<Int32>) {
    profile.measure(.gatherForward) { kernels.gatherForward(y, x: x, index: index) }
  }

  public func gatherBackward(_ dx: Matrix<Scalar>, dy: Matrix<Scalar>, index: Matrix<Int32>) {
    profile.measure(.gatherBackward) { kernels.gatherBackward(dx, dy: dy, index: index) }
  }

  public func visionKeysForward(
    _ kv: Matrix<Scalar>, scale: Matrix<Scalar>, rms: Matrix<Scalar>, projected: Matrix<Scalar>, base: Matrix<Scalar>,
    wpe: Matrix<Scalar>, wkv: Matrix<Scalar>
  ) {
    profile.measure(.visionKeysForward) {
      kernels.visionKeysForward(kv, scale: scale, rms: rms, projected: projected, base: base, wpe: wpe, wkv: wkv)
    }
  }

  public func visionKeysBackward(
    dwkv: Matrix<Scalar>, dbase: Matrix<Scalar>, dwpe: Matrix<Scalar>, sums: Matrix<Scalar>, dkv: Matrix<Scalar>,
    kv: Matrix<Scalar>, scale: Matrix<Scalar>, rms: Matrix<Scalar>, base: Matrix<Scalar>, wpe: Matrix<Scalar>,
    wkv: Matrix<Scalar>, gradient: GradientKind
  ) {
    profile.measure(.visionKeysBackward) {
      kernels.visionKeysBackward(
        dwkv: dwkv, dbase: dbase, dwpe: dwpe, sums: sums, dkv: dkv, kv: kv, scale: scale, rms: rms, base: base,
        wpe: wpe, wkv: wkv, gradient: gradient)
    }
  }

  public func tensorAttentionForward(
    _ y: Matrix<Scalar>, probs: Matrix<Scalar>, dots: Matrix<Scalar>, q: Matrix<Scalar>, keys: KeyValues<Scalar>,
    heads: Int
  ) {
    profile.measure(.tensorAttentionForward) {
      kernels.tensorAttentionForward(y, probs: probs, dots: dots, q: q, keys: keys, heads: heads)
    }
  }

  public func tensorAttentionBackward(
    dq: Matrix<Scalar>, dkeys: KeyValues<Scalar>, dy: Matrix<Scalar>, probs: Matrix<Scalar>, dots: Matrix<Scalar>,
    q: Matrix<Scalar>, keys: KeyValues<Scalar>, heads: Int, accumulate: Bool
  ) {
    profile.measure(.tensorAttentionBackward) {
      kernels.tensorAttentionBackward(
        dq: dq, dkeys: dkeys, dy: dy, probs: probs, dots: dots, q: q, keys: keys, heads: heads, accumulate: accumulate)
    }
  }

  public func dotAttentionForward(
    _ y: Matrix<Scalar>, probs: Matrix<Scalar>, q: Matrix<Scalar>, keys: KeyValues<Scalar>, heads: Int
  ) {
    profile.measure(.dotAttentionForward) {
      kernels.dotAttentionForward(y, probs: probs, q: q, keys: keys, heads: heads)
    }
  }

  public func dotAttentionBackward(
    dq: Matrix<Scalar>, dkeys: KeyValues<Scalar>, dy: Matrix<Scalar>, probs: Matrix<Scalar>, q: Matrix<Scalar>,
    keys: KeyValues<Scalar>, heads: Int, accumulate: Bool
  ) {
    profile.measure(.dotAttentionBackward) {
      kernels.dotAttentionBackward(
        dq: dq, dkeys: dkeys, dy: dy, probs: probs, q: q, keys: keys, heads: heads, accumulate: accumulate)
    }
  }

  public func mlpForward(
    _ y: Matrix<Scalar>, hidden: Matrix<Scalar>, x: Matrix<Scalar>, w1: Matrix<Scalar>, w2: Matrix<Scalar>,
    accumulate: Bool
  ) {
    profile.measure(.mlpForward) { kernels.mlpForward(y, hidden: hidden, x: x, w1: w1, w2: w2, accumulate: accumulate) }
  }

  public func mlpBackward(
    dx: Matrix<Scalar>, dw1: Matrix<Scalar>, dw2: Matrix<Scalar>, dhidden: Matrix<Scalar>, dy: Matrix<Scalar>,
    hidden: Matrix<Scalar>, x: Matrix<Scalar>, w1: Matrix<Scalar>, w2: Matrix<Scalar>, accumulate: Bool
  ) {
    profile.measure(.mlpBackward) {
      kernels.mlpBackward(
        dx: dx, dw1: dw1, dw2: dw2, dhidden: dhidden, dy: dy, hidden: hidden, x: x, w1: w1, w2: w2,
        accumulate: accumulate)
    }
  }

  public func crossEntropyForward(
    _ loss: Matrix<Scalar>, probs: Matrix<Scalar>, logits: Matrix<Scalar>, targets: Matrix<Int32>,
    gradient: GradientKind
  ) {
    profile.measure(.crossEntropyForward) {
      kernels.crossEntropyForward(loss, probs: probs, logits: logits, targets: targets, gradient: gradient)
    }
  }

  public func crossEntropyBackward(
    _ dlogits: Matrix<Scalar>, probs: Matrix<Scalar>, targets: Matrix<Int32>, weights: Matrix<Scalar>
  ) {
    profile.measure(.crossEntropyBackward) {
      kernels.crossEntropyBackward(dlogits, probs: probs, targets: targets, weights: weights)
    }
  }

  public func reconstructionForward(
    _ value: Matrix<Scalar>, state: ReconstructionState<Scalar>, g: Matrix<Scalar>, x: Matrix<Scalar>, c: Matrix<Scalar>
  ) {
    profile.measure(.reconstructionForward) { kernels.reconstructionForward(value, state: state, g: g, x: x, c: c) }
  }

  public func reconstructionBackward(
    dg: Matrix<Scalar>, dc: Matrix<Scalar>, weights: Matrix<Scalar>, value: Matrix<Scalar>,
    state: ReconstructionState<Scalar>, c: Matrix<Scalar>
  ) {
    profile.measure(.reconstructionBackward) {
      kernels.reconstructionBackward(dg: dg, dc: dc, weights: weights, value: value, state: state, c: c)
    }
  }

  public func adamStep(
    _ p: Matrix<Scalar>, m: Matrix<Scalar>, v: Matrix<Scalar>, gradient: Matrix<Scalar>, settings: AdamSettings<Scalar>
  ) {
    profile.measure(.adamStep) { kernels.adamStep(p, m: m, v: v, gradient: gradient, settings: settings) }
  }

  public func adamStepOuter(
    _ p: Matrix<Scalar>, m: Matrix<Scalar>, v: Matrix<Scalar>, d: Matrix<Scalar>, x: Matrix<Scalar>,
    settings: AdamSettings<Scalar>
  ) {
    profile.measure(.adamStepOuter) { kernels.adamStepOuter(p, m: m, v: v, d: d, x: x, settings: settings) }
  }

  public func squaredNorm(_ x: Matrix<Scalar>) -> Double {
    profile.measure(.squaredNorm) { kernels.squaredNorm(x) }
  }

  public func add(_ y: Matrix<Scalar>, _ x: Matrix<Scalar>) {
    profile.measure(.add) { kernels.add(y, x) }
  }
}
