import KernelVLM
import ReferenceKernels

func reconstructionBenchmarks() -> [KernelBenchmark] {
  let sizes = Sizes(
    model: [(1, 196, 8), (16, 196, 8)].map(ReconstructionShape.init),
    // A larger batch, and more features of unpooled images.
    larger: [(256, 196, 8), (1, 784, 64), (32, 784, 64), (256, 784, 64)].map(ReconstructionShape.init))
  return benchmarks(sizes, ReconstructionForward.init) + benchmarks(sizes, ReconstructionBackward.init)
}

/// n images of P pixels and their m bilinear features.
struct ReconstructionShape {
  let n: Int
  let pixels: Int
  let m: Int

  var name: String { "\(n)x\(pixels)x\(m)" }

  func state<S>(
    _ make: (String, Int, Int) -> Matrix<S>, norms: (String, Int, Int) -> Matrix<S>, _ bench: Bench<S>
  ) -> ReconstructionState<S> {
    ReconstructionState(
      unit: make("unit", n, m), norm: norms("norm", n, 1), rowNorms: norms("row norms", 2 * m, 1),
      grams: make("grams", 2 * m, m), rows: bench.scratch("rows", 2 * m, pixels),
      drows: bench.scratch("drows", 2 * m, pixels), dgrams: bench.scratch("dgrams", 2 * m, m))
  }
}

struct ReconstructionForward: KernelCase {
  let shape: ReconstructionShape
  var operation: String { "Reconstruction_forward" }
  var size: String { shape.name }
  /// Both grams, and for each image uᵀ G u, u · u and x · x.
  var work: Work {
    let (n, P, m) = (shape.n, shape.pixels, shape.m)
    return Work(
      operations: 4 * m * m * P + 4 * m * m + n * (4 * m * m + 5 * m + 2 * P),
      scalars: n * (P + 2 * m + 2) + 2 * m * P + 2 * m * m + 2 * m)
  }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let (n, P, m) = (shape.n, shape.pixels, shape.m)
    let value = bench.output("value", n, 1)
    let state = shape.state({ bench.output($0, $1, $2) }, norms: { bench.output($0, $1, $2) }, bench)
    let g = bench.input("g", n, m)
    // Images about as long as 2, whose value is between the clips.
    let x = bench.input("x", n, P, scale: 2 / Double(P).squareRoot())
    let c = bench.input("c", 2 * m, P)
    return { kernels.reconstructionForward(value, state: state, g: g, x: x, c: c) }
  }
}

struct ReconstructionBackward: KernelCase {
  let shape: ReconstructionShape
  var operation: String { "Reconstruction_backward" }
  var size: String { shape.name }
  var work: Work {
    let (n, P, m) = (shape.n, shape.pixels, shape.m)
    return Work(
      operations: 4 * m * m * P + 14 * m * P + n * (8 * m * m + 6 * m),
      scalars: n * (3 * m + 3) + 8 * m * P + 4 * m * m + 2 * m)
  }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let (n, P, m) = (shape.n, shape.pixels, shape.m)
    let dg = bench.output("dg", n, m, adds: true)
    let dc = bench.output("dc", 2 * m, P, adds: true)
    let weights = bench.input("weights", n, 1)
    let value = bench.input("value", n, 1, positive: true)
    let state = shape.state({ bench.input($0, $1, $2) }, norms: { bench.input($0, $1, $2, positive: true) }, bench)
    // A gram is symmetric.
    for a in 0..<2 * m {
      for b in 0..<m where b > a % m { state.grams[a, b] = state.grams[a / m * m + b, a % m] }
    }
    let c = bench.input("c", 2 * m, P)
    return { kernels.reconstructionBackward(dg: dg, dc: dc, weights: weights, value: value, state: state, c: c) }
  }
}
