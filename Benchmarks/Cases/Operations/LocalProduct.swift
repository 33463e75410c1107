import KernelVLM
import ReferenceKernels

func localProductBenchmarks() -> [KernelBenchmark] {
  func stage(_ n: Int, _ side: Int, _ channels: Int, kernel: Int, stride: Int, outputs: Int) -> LocalProductShape {
    LocalProductShape(
      n: n,
      shape: LocalShape(
        height: side, width: side, channels: channels, kernel: kernel, stride: stride, padding: 0, outputs: outputs))
  }
  let sizes = Sizes(
    model: [],
    // A block of images through the stages of the models that have some, and one image.
    larger: [32, 1].flatMap { n in
      [
        stage(n, 28, 1, kernel: 5, stride: 3, outputs: 8), stage(n, 8, 8, kernel: 4, stride: 2, outputs: 16),
        stage(n, 28, 1, kernel: 5, stride: 2, outputs: 8), stage(n, 12, 8, kernel: 4, stride: 2, outputs: 16),
        stage(n, 8, 8, kernel: 4, stride: 2, outputs: 12),
      ]
    })
  return benchmarks(sizes, LocalProductForward.init) + benchmarks(sizes, LocalProductBackward.init)
}

struct LocalProductShape {
  let n: Int
  let shape: LocalShape

  var name: String {
    "\(n)x\(shape.height)x\(shape.width)x\(shape.channels)_kernel_\(shape.kernel)_stride_\(shape.stride)"
      + "_to_\(shape.outputs)"
  }
  /// Places of all maps.
  var rows: Int { n * shape.places }
  /// Left and right.
  var factors: Int { 2 * shape.outputs }
  /// Pixels have no gradient.
  var hasInputGradient: Bool { shape.channels > 1 }
}

struct LocalProductForward: KernelCase {
  let shape: LocalProductShape
  var operation: String { "LocalProduct_forward" }
  var size: String { shape.name }
  var work: Work {
    let (rows, factors, window) = (shape.rows, shape.factors, shape.shape.window)
    return Work(
      operations: 2 * rows * window * factors + rows * shape.shape.outputs,
      scalars: shape.n * shape.shape.inputs + factors * window + rows * (factors + shape.shape.outputs))
  }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let (n, local) = (shape.n, shape.shape)
    let y = bench.output("y", n, local.outputValues)
    let factors = bench.output("factors", shape.rows, shape.factors)
    let scratch = bench.scratch("scratch", 1, local.forwardScratch)
    let x = bench.input("x", n, local.inputs)
    let w = bench.input("w", shape.factors, local.window)
    return { kernels.localProductForward(y, factors: factors, scratch: scratch, x: x, w: w, shape: local) }
  }
}

/// With the gradient of the input where it is wanted: of a map with channels, not of pixels.
struct LocalProductBackward: KernelCase {
  let shape: LocalProductShape
  var operation: String { "LocalProduct_backward" }
  var size: String { shape.name }
  var work: Work {
    let (rows, factors, window) = (shape.rows, shape.factors, shape.shape.window)
    let gradients = shape.hasInputGradient ? 2 : 1
    return Work(
      operations: 2 * gradients * rows * window * factors + rows * factors,
      scalars: gradients * (shape.n * shape.shape.inputs + factors * window) + rows * (factors + shape.shape.outputs))
  }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let (n, local) = (shape.n, shape.shape)
    let dw = bench.output("dw", shape.factors, local.window)
    let dx = shape.hasInputGradient ? bench.output("dx", n, local.inputs) : nil
    let scratch = bench.scratch("scratch", 1, local.backwardScratch)
    let dy = bench.input("dy", n, local.outputValues)
    let factors = bench.input("factors", shape.rows, shape.factors)
    let x = bench.input("x", n, local.inputs)
    let w = bench.input("w", shape.factors, local.window)
    return {
      kernels.localProductBackward(
        dw: dw, dx: dx, scratch: scratch, dy: dy, factors: factors, x: x, w: w, shape: local, accumulate: false)
    }
  }
}
