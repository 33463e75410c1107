import KernelVLM
import ReferenceKernels

func visionKeysBenchmarks() -> [KernelBenchmark] {
  let sizes = Sizes(
    model: [(1, 32), (16, 32)].map(VisionKeysShape.init), grid: { VisionKeysShape(images: $0, width: $1) })
  return benchmarks(sizes, VisionKeysForward.init) + benchmarks(sizes, VisionKeysBackward.init)
}

/// Images of a block, in the model's width.
struct VisionKeysShape {
  let images: Int
  let width: Int
  let visionPositions = 28

  var name: String { "\(images)x\(visionPositions)x\(width)" }
  /// Rows of keys, and rows that go through Wkv.
  var rows: Int { images * visionPositions }
  var projected: Int { images + visionPositions }
}

struct VisionKeysForward: KernelCase {
  let shape: VisionKeysShape
  var operation: String { "VisionKeys_forward" }
  var size: String { shape.name }
  var work: Work {
    let D = shape.width
    return Work(
      operations: 4 * shape.projected * D * D + shape.rows * 7 * D,
      scalars: (shape.projected + 2 * D) * D + shape.rows * (2 * D + 2))
  }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let D = shape.width
    let kv = bench.output("kv", shape.rows, 2 * D)
    let scale = bench.output("scale", shape.rows, 1)
    let rms = bench.output("rms", shape.rows, 1)
    let projected = bench.scratch("projected", shape.projected, 2 * D)
    let base = bench.input("base", shape.images, D)
    let wpe = bench.input("wpe", shape.visionPositions, D)
    let wkv = bench.input("wkv", 2 * D, D)
    return {
      kernels.visionKeysForward(kv, scale: scale, rms: rms, projected: projected, base: base, wpe: wpe, wkv: wkv)
    }
  }
}

struct VisionKeysBackward: KernelCase {
  let shape: VisionKeysShape
  var operation: String { "VisionKeys_backward" }
  var size: String { shape.name }
  var work: Work {
    let D = shape.width
    return Work(
      operations: 8 * shape.projected * D * D + shape.rows * 16 * D,
      scalars: 2 * (shape.projected + 2 * D) * D + shape.rows * (4 * D + 2))
  }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let D = shape.width
    // Zeroed by each call, so that every call does the same.
    let dwkv = bench.output("dwkv", 2 * D, D)
    let dwpe = bench.output("dwpe", shape.visionPositions, D)
    let dbase = bench.output("dbase", shape.images, D)
    let sums = bench.scratch("sums", shape.projected, 2 * D)
    let dkv = bench.input("dkv", shape.rows, 2 * D)
    let kv = bench.input("kv", shape.rows, 2 * D)
    let scale = bench.input("scale", shape.rows, 1, positive: true)
    let rms = bench.input("rms", shape.rows, 1, positive: true)
    let base = bench.input("base", shape.images, D)
    let wpe = bench.input("wpe", shape.visionPositions, D)
    let wkv = bench.input("wkv", 2 * D, D)
    return {
      dwkv.fill(0)
      dwpe.fill(0)
      kernels.visionKeysBackward(
        dwkv: dwkv, dbase: dbase, dwpe: dwpe, sums: sums, dkv: dkv, kv: kv, scale: scale, rms: rms, base: base,
        wpe: wpe, wkv: wkv, gradient: .exact)
    }
  }
}
