import ReferenceKernels

/// The operation list: everything that the model computes with, forward and backward.
///
/// The model graph is generic over this protocol and over nothing else. `CKernels` (float32, SIMD) and `Reference`
/// (plain Swift, Float or Double) conform to it. `include/CVLMKernels.h` has the formula, the shapes and what is
/// overwritten or added into; each file of `ReferenceKernels` has the derivation. A value of this type holds at most the
/// choice of an instruction set; operands belong to the caller, and no operation can fail.
public protocol Kernels<Scalar>: Sendable {
  associatedtype Scalar: KernelScalar

  func poolingForward(_ x: Matrix<Scalar>, image: Span<UInt8>, side: Int, size: Int)

  func matmulForward(_ y: Matrix<Scalar>, x: Matrix<Scalar>, w: Matrix<Scalar>, accumulate: Bool)
  func matmulBackwardInput(_ dx: Matrix<Scalar>, dy: Matrix<Scalar>, w: Matrix<Scalar>, accumulate: Bool)
  func matmulBackwardWeight(_ dw: Matrix<Scalar>, dy: Matrix<Scalar>, x: Matrix<Scalar>, accumulate: Bool)

  func featureProductForward(_ y: Matrix<Scalar>, factors: Matrix<Scalar>, x: Matrix<Scalar>, w: Matrix<Scalar>)
  func featureProductBackward(
    dw: Matrix<Scalar>?, dx: Matrix<Scalar>?, dfactors: Matrix<Scalar>, dy: Matrix<Scalar>, factors: Matrix<Scalar>,
    x: Matrix<Scalar>, w: Matrix<Scalar>, accumulate: Bool)

  func tensorProductForward(
    _ y: Matrix<Scalar>, factors: Matrix<Scalar>, x1: Matrix<Scalar>, x2: Matrix<Scalar>, a: Matrix<Scalar>,
    b: Matrix<Scalar>)
  func tensorProductBackward(
    da: Matrix<Scalar>, db: Matrix<Scalar>, dx1: Matrix<Scalar>, dx2: Matrix<Scalar>, dfactors: Matrix<Scalar>,
    dy: Matrix<Scalar>, factors: Matrix<Scalar>, x1: Matrix<Scalar>, x2: Matrix<Scalar>, a: Matrix<Scalar>,
    b: Matrix<Scalar>, accumulate: Bool)

  func unitNormForward(_ y: Matrix<Scalar>, norm: Matrix<Scalar>, x: Matrix<Scalar>)
  func unitNormBackward(
    _ dx: Matrix<Scalar>, dy: Matrix<Scalar>, y: Matrix<Scalar>, norm: Matrix<Scalar>, gradient: GradientKind)

  func rmsNormForward(_ y: Matrix<Scalar>, rms: Matrix<Scalar>, x: Matrix<Scalar>)
  func rmsNormBackward(
    _ dx: Matrix<Scalar>, dy: Matrix<Scalar>, y: Matrix<Scalar>, rms: Matrix<Scalar>, gradient: GradientKind,
    accumulate: Bool)

  func embeddingForward(
    _ e: Matrix<Scalar>, base: Matrix<Scalar>, tokens: Matrix<Int32>, positions: Matrix<Int32>, wte: Matrix<Scalar>,
    wpe: Matrix<Scalar>, visionPositions: Int)
  func embeddingBackward(
    dwte: Matrix<Scalar>, dwpe: Matrix<Scalar>, dbase: Matrix<Scalar>, de: Matrix<Scalar>, tokens: Matrix<Int32>,
    positions: Matrix<Int32>, visionPositions: Int, accumulate: Bool)

  func gatherForward(_ y: Matrix<Scalar>, x: Matrix<Scalar>, index: Matrix<Int32>)
  func gatherBackward(_ dx: Matrix<Scalar>, dy: Matrix<Scalar>, index: Matrix<Int32>)

  func visionKeysForward(
    _ kv: Matrix<Scalar>, scale: Matrix<Scalar>, rms: Matrix<Scalar>, projected: Matrix<Scalar>, base: Matrix<Scalar>,
    wpe: Matrix<Scalar>, wkv: Matrix<Scalar>)
  func visionKeysBackward(
    dwkv: Matrix<Scalar>, dbase: Matrix<Scalar>, dwpe: Matrix<Scalar>, sums: Matrix<Scalar>, dkv: Matrix<Scalar>,
    kv: Matrix<Scalar>, scale: Matrix<Scalar>, rms: Matrix<Scalar>, base: Matrix<Scalar>, wpe: Matrix<Scalar>,
    wkv: Matrix<Scalar>, gradient: GradientKind)

  func tensorAttentionForward(
    _ y: Matrix<Scalar>, probs: Matrix<Scalar>, dots: Matrix<Scalar>, q: Matrix<Scalar>, keys: KeyValues<Scalar>,
    heads: Int)
  func tensorAttentionBackward(
    dq: Matrix<Scalar>, dkeys: KeyValues<Scalar>, dy: Matrix<Scalar>, probs: Matrix<Scalar>, dots: Matrix<Scalar>,
    q: Matrix<Scalar>, keys: KeyValues<Scalar>, heads: Int, accumulate: Bool)

  func dotAttentionForward(
    _ y: Matrix<Scalar>, probs: Matrix<Scalar>, q: Matrix<Scalar>, keys: KeyValues<Scalar>, heads: Int)
  func dotAttentionBackward(
    dq: Matrix<Scalar>, dkeys: KeyValues<Scalar>, dy: Matrix<Scalar>, probs: Matrix<Scalar>, q: Matrix<Scalar>,
    keys: KeyValues<Scalar>, heads: Int, accumulate: Bool)

  func mlpForward(
    _ y: Matrix<Scalar>, hidden: Matrix<Scalar>, x: Matrix<Scalar>, w1: Matrix<Scalar>, w2: Matrix<Scalar>,
    accumulate: Bool)
  func mlpBackward(
    dx: Matrix<Scalar>, dw1: Matrix<Scalar>, dw2: Matrix<Scalar>, dhidden: Matrix<Scalar>, dy: Matrix<Scalar>,
    hidden: Matrix<Scalar>, x: Matrix<Scalar>, w1: Matrix<Scalar>, w2: Matrix<Scalar>, accumulate: Bool)

  func crossEntropyForward(
    _ loss: Matrix<Scalar>, probs: Matrix<Scalar>, logits: Matrix<Scalar>, targets: Matrix<Int32>,
    gradient: GradientKind)
  func crossEntropyBackward(
    _ dlogits: Matrix<Scalar>, probs: Matrix<Scalar>, targets: Matrix<Int32>, weights: Matrix<Scalar>)

  func reconstructionForward(
    _ value: Matrix<Scalar>, state: ReconstructionState<Scalar>, g: Matrix<Scalar>, x: Matrix<Scalar>,
    c: Matrix<Scalar>)
  func reconstructionBackward(
    dg: Matrix<Scalar>, dc: Matrix<Scalar>, weights: Matrix<Scalar>, value: Matrix<Scalar>,
    state: ReconstructionState<Scalar>, c: Matrix<Scalar>)

  func adamStep(
    _ p: Matrix<Scalar>, m: Matrix<Scalar>, v: Matrix<Scalar>, gradient: Matrix<Scalar>, settings: AdamSettings<Scalar>)
  func adamStepOuter(
    _ p: Matrix<Scalar>, m: Matrix<Scalar>, v: Matrix<Scalar>, d: Matrix<Scalar>, x: Matrix<Scalar>,
    settings: AdamSettings<Scalar>)

  func squaredNorm(_ x: Matrix<Scalar>) -> Double
  func add(_ y: Matrix<Scalar>, _ x: Matrix<Scalar>)

  /// Calls `body(i, thread)` once for each i < count, on up to `threads` threads at a time; thread < threads tells them
  /// apart, and no two calls with the same thread overlap. Returns when all have returned.
  func parallel(count: Int, threads: Int, _ body: (_ i: Int, _ thread: Int) -> Void)
}

extension Reference: Kernels {
  public func parallel(count: Int, threads: Int, _ body: (Int, Int) -> Void) {
    Threads.share(count: count, threads: threads, body)
  }
}
