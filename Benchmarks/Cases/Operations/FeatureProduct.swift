import KernelVLM
import ReferenceKernels

func featureProductBenchmarks() -> [KernelBenchmark] {
  let larger = largerBatches.dropFirst().flatMap { [($0, 196, 8, 2), ($0, 196, 8, 3)] }
  let sizes = Sizes(
    // One image's base features, direct degree 2 and degree 3, and vision projection.
    model: [(1, 196, 10, 2), (1, 196, 8, 2), (1, 196, 8, 3), (1, 28, 32, 2)].map(FeatureProductShape.init),
    // Batches of them, and unpooled images.
    larger: (larger + largerBatches.map { ($0, 784, 64, 2) }).map(FeatureProductShape.init))
  return benchmarks(sizes, FeatureProductForward.init) + benchmarks(sizes, FeatureProductBackward.init)
}

struct FeatureProductShape {
  let n: Int
  let k: Int
  let m: Int
  let degree: Int

  var name: String { "\(n)x\(k)x\(m)_degree_\(degree)" }
}

struct FeatureProductForward: KernelCase {
  let shape: FeatureProductShape
  var operation: String { "FeatureProduct_forward" }
  var size: String { shape.name }
  var work: Work {
    let (n, k, factors) = (shape.n, shape.k, shape.degree * shape.m)
    return Work(
      operations: 2 * n * k * factors + n * (factors - shape.m),
      scalars: n * k + factors * k + n * (factors + shape.m))
  }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let y = bench.output("y", shape.n, shape.m)
    let factors = bench.output("factors", shape.n, shape.degree * shape.m)
    let x = bench.input("x", shape.n, shape.k)
    let w = bench.input("w", shape.degree * shape.m, shape.k)
    return { kernels.featureProductForward(y, factors: factors, x: x, w: w) }
  }
}

/// Without the gradient of the input, which for pixels nobody wants.
struct FeatureProductBackward: KernelCase {
  let shape: FeatureProductShape
  var operation: String { "FeatureProduct_backward" }
  var size: String { shape.name }
  var work: Work {
    let (n, k, factors) = (shape.n, shape.k, shape.degree * shape.m)
    return Work(
      operations: 2 * n * k * factors + n * factors * (shape.degree - 1),
      scalars: n * k + factors * k + n * (2 * factors + shape.m))
  }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let (n, k, width) = (shape.n, shape.k, shape.degree * shape.m)
    let dw = bench.output("dw", width, k)
    let dfactors = bench.output("dfactors", n, width)
    let dy = bench.input("dy", n, shape.m)
    let factors = bench.input("factors", n, width)
    let x = bench.input("x", n, k)
    let w = bench.input("w", width, k)
    return {
      kernels.featureProductBackward(
        dw: dw, dx: nil, dfactors: dfactors, dy: dy, factors: factors, x: x, w: w, accumulate: false)
    }
  }
}
