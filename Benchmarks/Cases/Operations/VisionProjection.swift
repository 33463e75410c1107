import KernelVLM
import ReferenceKernels

func visionProjectionBenchmarks() -> [KernelBenchmark] {
  let sizes = Sizes(
    model: [(1, 32), (16, 32), (32, 32)].map(VisionProjectionShape.init),
    grid: { VisionProjectionShape(images: $0, width: $1) })
  return benchmarks(sizes, VisionProjectionForward.init) + benchmarks(sizes, VisionProjectionBackward.init)
}

/// Images of a block, in the model's width.
struct VisionProjectionShape {
  let images: Int
  let width: Int
  let visionPositions = 28

  var name: String { "\(images)x\(visionPositions)x\(width)" }
  /// Scales, and rows that go through Wkv.
  var scales: Int { images * visionPositions }
  var projected: Int { images + visionPositions }

  func factors<Scalar>(
    _ prefix: String, _ make: (String, Int, Int) -> Matrix<Scalar>
  ) -> VisionFactors<Scalar> {
    VisionFactors(
      images: make(prefix + "images", images, 2 * width),
      positions: make(prefix + "positions", visionPositions, 2 * width),
      scale: make(prefix + "scale", images, visionPositions))
  }
}

struct VisionProjectionForward: KernelCase {
  let shape: VisionProjectionShape
  var operation: String { "VisionProjection_forward" }
  var size: String { shape.name }
  var work: Work {
    let D = shape.width
    return Work(
      operations: 4 * shape.projected * D * D + shape.scales * 3 * D,
      scalars: (3 * shape.projected + 2 * D) * D + shape.scales)
  }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let D = shape.width
    let factors = shape.factors("") { bench.output($0, $1, $2) }
    let base = bench.input("base", shape.images, D)
    let wpe = bench.input("wpe", shape.visionPositions, D)
    let wkv = bench.input("wkv", 2 * D, D)
    return { kernels.visionProjectionForward(factors, base: base, wpe: wpe, wkv: wkv) }
  }
}

struct VisionProjectionBackward: KernelCase {
  let shape: VisionProjectionShape
  var operation: String { "VisionProjection_backward" }
  var size: String { shape.name }
  var work: Work {
    let D = shape.width
    return Work(
      operations: 8 * shape.projected * D * D + shape.scales * 4 * D,
      scalars: (4 * shape.projected + 4 * D) * D + 3 * shape.scales)
  }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let D = shape.width
    // Zeroed by each call, so that every call does the same.
    let dwkv = bench.output("dwkv", 2 * D, D)
    let dwpe = bench.output("dwpe", shape.visionPositions, D)
    let dbase = bench.output("dbase", shape.images, D)
    let pull = bench.scratch("pull", shape.images, shape.visionPositions)
    let dfactors = shape.factors("d") { bench.input($0, $1, $2) }
    let scale = bench.input("scale", shape.images, shape.visionPositions, positive: true)
    let base = bench.input("base", shape.images, D)
    let wpe = bench.input("wpe", shape.visionPositions, D)
    let wkv = bench.input("wkv", 2 * D, D)
    return {
      dwkv.fill(0)
      dwpe.fill(0)
      kernels.visionProjectionBackward(
        dwkv: dwkv, dbase: dbase, dwpe: dwpe, pull: pull, dfactors: dfactors, published: nil, scale: scale, base: base,
        wpe: wpe, wkv: wkv)
    }
  }
}
