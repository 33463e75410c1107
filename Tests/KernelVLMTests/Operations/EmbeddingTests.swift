import KernelVLM
import ReferenceKernels
import Testing

struct EmbeddingCase: Operation {
  let images: Int
  let visionPositions: Int
  let texts: Int
  let width: Int
  var accumulate = false

  func run<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) {
    let (V, W) = (17, visionPositions + 8)
    let rows = images * visionPositions + texts
    let tokens = bench.indices("tokens", texts, below: V)
    let positions = bench.indices("positions", texts, below: W)
    kernels.embeddingForward(
      bench.output("e", rows, width), base: bench.input("base", images, width), tokens: tokens, positions: positions,
      wte: bench.input("wte", V, width), wpe: bench.input("wpe", W, width), visionPositions: visionPositions)
    kernels.embeddingBackward(
      dwte: bench.output("dwte", V, width, adds: accumulate), dwpe: bench.output("dwpe", W, width, adds: accumulate),
      dbase: bench.output("dbase", images, width), de: bench.input("de", rows, width), tokens: tokens,
      positions: positions, visionPositions: visionPositions, accumulate: accumulate)
  }
}

@Suite struct EmbeddingTests {
  static let cases = [
    (1, 28, 6, 32), (16, 28, 90, 32), (0, 28, 3, 32), (2, 0, 5, 7), (1, 3, 0, 16), (3, 2, 7, 17), (2, 1, 3, 1),
    (2, 5, 40, 65),
  ].flatMap { B, F, n, D in
    [false, true].map {
      EmbeddingCase(images: B, visionPositions: F, texts: n, width: D, accumulate: $0)
    }
  }

  @Test(arguments: cases) func agreesWithTheReference(_ operation: EmbeddingCase) { expectParity(operation) }

  @Test func aFaultIsCaught() {
    expectFaultsCaught(EmbeddingCase(images: 2, visionPositions: 3, texts: 30, width: 9))
  }

  @Test func gradientsAreThoseOfForward() {
    expectGradients(EmbeddingCase(images: 2, visionPositions: 3, texts: 5, width: 3))
  }
}
