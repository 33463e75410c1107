import KernelVLM
import ReferenceKernels

func embeddingBenchmarks() -> [KernelBenchmark] {
  let sizes = Sizes(
    // One image, and a block of them with the mean number of letters.
    model: [(1, 6, 32), (16, 90, 32)].map(EmbeddingShape.init),
    grid: { EmbeddingShape(images: $0, texts: 6 * $0, width: $1) })
  return benchmarks(sizes, EmbeddingForward.init) + benchmarks(sizes, EmbeddingBackward.init)
}

/// Images and text positions of a block, in the model's vocabulary.
struct EmbeddingShape {
  let images: Int
  let texts: Int
  let width: Int
  let visionPositions = 28
  let vocabulary = 17
  let positions = 36

  var name: String { "\(images)x\(visionPositions)_and_\(texts)x\(width)" }
  var rows: Int { images * visionPositions + texts }

  func indices<S>(_ bench: Bench<S>) -> (tokens: Matrix<Int32>, positions: Matrix<Int32>) {
    (bench.indices("tokens", texts, below: vocabulary), bench.indices("positions", texts, below: positions))
  }
}

struct EmbeddingForward: KernelCase {
  let shape: EmbeddingShape
  var operation: String { "Embedding_forward" }
  var size: String { shape.name }
  var work: Work {
    let tables = shape.images + shape.vocabulary + shape.positions
    return Work(
      operations: shape.rows * shape.width, scalars: (shape.rows + tables) * shape.width + 2 * shape.texts)
  }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let e = bench.output("e", shape.rows, shape.width)
    let base = bench.input("base", shape.images, shape.width)
    let (tokens, positions) = shape.indices(bench)
    let wte = bench.input("wte", shape.vocabulary, shape.width)
    let wpe = bench.input("wpe", shape.positions, shape.width)
    return {
      kernels.embeddingForward(
        e, base: base, tokens: tokens, positions: positions, wte: wte, wpe: wpe,
        visionPositions: shape.visionPositions)
    }
  }
}

struct EmbeddingBackward: KernelCase {
  let shape: EmbeddingShape
  var operation: String { "Embedding_backward" }
  var size: String { shape.name }
  var work: Work {
    let tables = shape.images + shape.vocabulary + shape.positions
    return Work(
      operations: 2 * shape.rows * shape.width, scalars: (shape.rows + tables) * shape.width + 2 * shape.texts)
  }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let dwte = bench.output("dwte", shape.vocabulary, shape.width)
    let dwpe = bench.output("dwpe", shape.positions, shape.width)
    let dbase = bench.output("dbase", shape.images, shape.width)
    let de = bench.input("de", shape.rows, shape.width)
    let (tokens, positions) = shape.indices(bench)
    return {
      kernels.embeddingBackward(
        dwte: dwte, dwpe: dwpe, dbase: dbase, de: de, tokens: tokens, positions: positions,
        visionPositions: shape.visionPositions, accumulate: false)
    }
  }
}
