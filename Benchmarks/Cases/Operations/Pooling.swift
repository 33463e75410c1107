import KernelVLM
import ReferenceKernels

func poolingBenchmarks() -> [KernelBenchmark] {
  let sizes = Sizes(
    model: [(28, 14)].map(PoolingShape.init),
    // Other bins, and larger images.
    larger: [(28, 28), (28, 10), (64, 32), (256, 128)].map(PoolingShape.init))
  return benchmarks(sizes, PoolingForward.init)
}

/// An image of side² bytes, pooled to size² bins.
struct PoolingShape {
  let side: Int
  let size: Int

  var name: String { "\(side)x\(side)_to_\(size)x\(size)" }
}

struct PoolingForward: KernelCase {
  let shape: PoolingShape
  var operation: String { "Pooling_forward" }
  var size: String { shape.name }
  /// A sum of bytes, the means, and their unit norm.
  var work: Work {
    let (bytes, bins) = (shape.side * shape.side, shape.size * shape.size)
    return Work(operations: bytes + 4 * bins, scalars: bytes / 4 + bins)
  }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let x = bench.output("x", 1, shape.size * shape.size)
    let image = bench.bytes("image", shape.side * shape.side)
    return { kernels.poolingForward(x, image: image.span, side: shape.side, size: shape.size) }
  }
}
