import KernelVLM
import ReferenceKernels
import Testing

struct TensorAttentionCase: Operation {
  let shape: AttentionShape

  func run<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) {
    let H = shape.heads
    let keys = shape.keys(bench)
    let q = shape.input("q", bench)
    var probs = bench.output("probs", H * shape.queries, keys.count)
    var dots = bench.output("dots", 2 * H * shape.queries, keys.count)
    kernels.tensorAttentionForward(shape.output("y", bench), probs: probs, dots: dots, q: q, keys: keys, heads: H)
    shape.mask(dots)  // unspecified there
    if !shape.chained {
      probs = bench.input("given probs", H * shape.queries, keys.count)
      dots = bench.input("given dots", 2 * H * shape.queries, keys.count)
      shape.mask(probs)
    }
    kernels.tensorAttentionBackward(
      dq: shape.output("dq", bench), dkeys: shape.dkeys(bench), dy: shape.input("dy", bench), probs: probs, dots: dots,
      q: q, keys: keys, heads: H, accumulate: shape.accumulate)
  }
}

@Suite struct TensorAttentionTests {
  @Test(arguments: AttentionShape.all) func agreesWithTheReference(_ shape: AttentionShape) {
    expectParity(TensorAttentionCase(shape: shape))
  }

  @Test func theLargestScoreMayStandAnywhere() { expectTheLargestScoreWins(.tensor) }

  @Test func aFaultIsCaught() { expectFaultsCaught(TensorAttentionCase(shape: .small)) }

  @Test func gradientsAreThoseOfForward() {
    var shape = AttentionShape.small
    shape.chained = true
    expectGradients(TensorAttentionCase(shape: shape))
  }
}
