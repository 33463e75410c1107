import KernelVLM
import ReferenceKernels
import Testing

struct VisionKeysCase: Operation {
  let images: Int
  let visionPositions: Int
  let width: Int
  var gradient = GradientKind.exact
  /// Standard deviation of what the norms are of.
  var size = 1.0

  func run<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) {
    let (B, F, D) = (images, visionPositions, width)
    let base = bench.input("base", B, D, scale: size)
    let wpe = bench.input("wpe", F, D, scale: size)
    let wkv = bench.input("wkv", 2 * D, D)
    let kv = bench.output("kv", B * F, 2 * D)
    let scale = bench.output("scale", B * F, 1)
    let rms = bench.output("rms", B * F, 1)
    kernels.visionKeysForward(
      kv, scale: scale, rms: rms, projected: bench.scratch("projected", B + F, 2 * D), base: base, wpe: wpe, wkv: wkv)
    kernels.visionKeysBackward(
      dwkv: bench.output("dwkv", 2 * D, D, adds: true), dbase: bench.output("dbase", B, D),
      dwpe: bench.output("dwpe", F, D, adds: true), sums: bench.scratch("sums", B + F, 2 * D),
      dkv: bench.input("dkv", B * F, 2 * D), kv: kv, scale: scale, rms: rms, base: base, wpe: wpe, wkv: wkv,
      gradient: gradient)
  }
}

@Suite struct VisionKeysTests {
  static let shapes = [
    (1, 28, 32), (16, 28, 32), (0, 5, 8), (3, 1, 7), (2, 3, 17), (1, 2, 1), (2, 5, 65), (3, 9, 129), (2, 2, 200),
    (1, 3, 257),
  ]

  /// At 0.003 the mean square is near the 1e-5 of the norms, at 0.0003 far below it.
  static let cases = shapes.flatMap { B, F, D in
    GradientKind.allCases.flatMap { gradient in
      (D < 32 ? [1, 0.003, 0.0003] : [1]).map {
        VisionKeysCase(images: B, visionPositions: F, width: D, gradient: gradient, size: $0)
      }
    }
  }

  @Test(arguments: cases) func agreesWithTheReference(_ operation: VisionKeysCase) { expectParity(operation) }

  @Test func aFaultIsCaught() { expectFaultsCaught(VisionKeysCase(images: 2, visionPositions: 3, width: 9)) }

  /// The same keys and gradients as by building the rows and putting them through embedding, norms and matmul.
  @Test(arguments: GradientKind.allCases, [1, 0.003, 0.0003])
  func equalsTheLongWay(gradient: GradientKind, size: Double) {
    let (B, F, D) = (3, 5, 8)
    let kernels = Reference<Double>()
    let bench = Bench<Double>()
    let short = results(
      of: VisionKeysCase(images: B, visionPositions: F, width: D, gradient: gradient, size: size), kernels)
    let base = bench.input("base", B, D, scale: size)
    let wpe = bench.input("wpe", F, D, scale: size)
    let wkv = bench.input("wkv", 2 * D, D)
    let none = bench.indices("none", 0, below: 1)
    let wte = bench.input("wte", 1, D)
    let (e, h, a) = (bench.output("e", B * F, D), bench.output("h", B * F, D), bench.output("a", B * F, D))
    let (first, second) = (bench.output("first", B * F, 1), bench.output("second", B * F, 1))
    kernels.embeddingForward(e, base: base, tokens: none, positions: none, wte: wte, wpe: wpe, visionPositions: F)
    kernels.rmsNormForward(h, rms: first, x: e)
    kernels.rmsNormForward(a, rms: second, x: h)
    let kv = bench.output("kv", B * F, 2 * D)
    kernels.matmulForward(kv, x: a, w: wkv, accumulate: false)
    expectClose(short["kv"], bench.values("kv"))

    let dkv = bench.input("dkv", B * F, 2 * D)
    let de = bench.output("de", B * F, D)
    kernels.matmulBackwardWeight(bench.output("dwkv", 2 * D, D, adds: true), dy: dkv, x: a, accumulate: true)
    kernels.matmulBackwardInput(de, dy: dkv, w: wkv, accumulate: false)
    kernels.rmsNormBackward(de, dy: de, y: a, rms: second, gradient: gradient, accumulate: false)
    kernels.rmsNormBackward(de, dy: de, y: h, rms: first, gradient: gradient, accumulate: false)
    kernels.embeddingBackward(
      dwte: bench.output("dwte", 1, D, adds: true), dwpe: bench.output("dwpe", F, D, adds: true),
      dbase: bench.output("dbase", B, D), de: de, tokens: none, positions: none, visionPositions: F, accumulate: true)
    for name in ["dwkv", "dbase", "dwpe"] { expectClose(short[name], bench.values(name)) }
  }

  /// Double rounds in the 16th digit; the values are sums of some hundred terms as large as the largest of them.
  private func expectClose(_ found: [Double]?, _ expected: [Double]) {
    #expect(relativeError(found ?? [], expected) < 1e-12)
  }
}
