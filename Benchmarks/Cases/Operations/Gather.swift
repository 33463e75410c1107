import KernelVLM
import ReferenceKernels

func gatherBenchmarks() -> [KernelBenchmark] {
  let sizes = Sizes(
    // The keys and values of the text rows of a block of images: of 90, 33 are different.
    model: [GatherShape(n: 90, u: 33, k: 64)],
    grid: { GatherShape(n: 6 * $0, u: min(6 * $0, 35), k: 2 * $1) })
  return benchmarks(sizes, GatherForward.init) + benchmarks(sizes, GatherBackward.init)
}

/// n rows of u different ones, each of k numbers.
struct GatherShape {
  let n: Int
  let u: Int
  let k: Int

  var name: String { "\(n)_of_\(u)x\(k)" }
}

struct GatherForward: KernelCase {
  let shape: GatherShape
  var operation: String { "Gather_forward" }
  var size: String { shape.name }
  var work: Work { Work(operations: 0, scalars: (shape.n + shape.u) * shape.k + shape.n) }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let y = bench.output("y", shape.n, shape.k)
    let x = bench.input("x", shape.u, shape.k)
    let index = bench.indices("index", shape.n, below: shape.u)
    return { kernels.gatherForward(y, x: x, index: index) }
  }
}

struct GatherBackward: KernelCase {
  let shape: GatherShape
  var operation: String { "Gather_backward" }
  var size: String { shape.name }
  var work: Work { Work(operations: shape.n * shape.k, scalars: (shape.n + shape.u) * shape.k + shape.n) }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let dx = bench.output("dx", shape.u, shape.k)
    let dy = bench.input("dy", shape.n, shape.k)
    let index = bench.indices("index", shape.n, below: shape.u)
    return { kernels.gatherBackward(dx, dy: dy, index: index) }
  }
}
