import KernelVLM
import ReferenceKernels
import Testing

struct VisionProjectionCase: Operation {
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
    let factors = VisionFactors(
      images: bench.output("images", B, 2 * D), positions: bench.output("positions", F, 2 * D),
      scale: bench.output("scale", B, F))
    kernels.visionProjectionForward(factors, base: base, wpe: wpe, wkv: wkv)
    let dfactors = VisionFactors(
      images: bench.input("dimages", B, 2 * D), positions: bench.input("dpositions", F, 2 * D),
      scale: bench.input("dscale", B, F))
    kernels.visionProjectionBackward(
      dwkv: bench.output("dwkv", 2 * D, D, adds: true), dbase: bench.output("dbase", B, D),
      dwpe: bench.output("dwpe", F, D, adds: true), pull: bench.scratch("pull", B, F), dfactors: dfactors,
      published: gradient == .published
        ? (bench.input("published images", B, 2 * D), bench.input("published positions", F, 2 * D)) : nil,
      scale: factors.scale, base: base, wpe: wpe, wkv: wkv)
  }
}

@Suite struct VisionProjectionTests {
  static let shapes = [
    (1, 28, 32), (16, 28, 32), (0, 5, 8), (3, 1, 7), (2, 0, 5), (2, 3, 17), (1, 2, 1), (2, 5, 65), (3, 9, 129),
    (2, 2, 200), (1, 3, 257),
  ]

  /// At 0.003 the mean square is near the 1e-5 of the norms, at 0.0003 far below it.
  static let cases = shapes.flatMap { B, F, D in
    GradientKind.allCases.flatMap { gradient in
      (D < 32 ? [1, 0.003, 0.0003] : [1]).map {
        VisionProjectionCase(images: B, visionPositions: F, width: D, gradient: gradient, size: $0)
      }
    }
  }

  @Test(arguments: cases) func agreesWithTheReference(_ operation: VisionProjectionCase) { expectParity(operation) }

  @Test func aFaultIsCaught() { expectFaultsCaught(VisionProjectionCase(images: 2, visionPositions: 3, width: 9)) }
}
