import KernelVLM
import ReferenceKernels

func poolingBenchmarks() -> [KernelBenchmark] {
  let sizes = Sizes(
    model: [(28, 14)].map(PoolingShape.init),
    // Other bins, and larger images.
    larger: [(28, 28), (28, 10), (64, 32), (256, 128)].map(PoolingShape.init))
  return benchmarks(sizes, PoolingForward.init) + benchmarks(sizes, PoolingNumbersForward.init)
}

/// A square image and the bins that it is pooled to.
struct PoolingShape {
  let from: ImageSize
  let to: ImageSize

  init(side: Int, size: Int) { (from, to) = (ImageSize(side, side), ImageSize(size, size)) }

  var name: String { "\(from.height)x\(from.width)_to_\(to.height)x\(to.width)" }
}

struct PoolingForward: KernelCase {
  let shape: PoolingShape
  var operation: String { "Pooling_forward" }
  var size: String { shape.name }
  /// A sum of bytes, and the means.
  var work: Work {
    Work(operations: shape.from.pixels + shape.to.pixels, scalars: shape.from.pixels / 4 + shape.to.pixels)
  }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let x = bench.output("x", 1, shape.to.pixels)
    let image = bench.bytes("image", shape.from.pixels)
    return { kernels.poolingForward(x, image: image.span, from: shape.from, to: shape.to) }
  }
}

struct PoolingNumbersForward: KernelCase {
  let shape: PoolingShape
  var operation: String { "Pooling_numbers_forward" }
  var size: String { shape.name }
  var work: Work {
    Work(operations: shape.from.pixels + shape.to.pixels, scalars: shape.from.pixels + shape.to.pixels)
  }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let x = bench.output("x", 1, shape.to.pixels)
    let image = bench.input("image", 1, shape.from.pixels)
    return { kernels.poolingForward(x, numbers: image, from: shape.from, to: shape.to) }
  }
}
