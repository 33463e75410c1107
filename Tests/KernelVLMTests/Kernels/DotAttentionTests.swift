import KernelVLM
import ReferenceKernels
import Testing

struct DotAttentionCase: Operation {
  let shape: AttentionShape

  func run<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) {
    let H = shape.heads
    let keys = shape.keys(bench)
    let q = shape.input("q", bench)
    var probs = bench.output("probs", H * shape.queries, keys.count)
    kernels.dotAttentionForward(shape.output("y", bench), probs: probs, q: q, keys: keys, heads: H)
    if !shape.chained {
      probs = bench.input("given probs", H * shape.queries, keys.count)
      shape.mask(probs)
    }
    kernels.dotAttentionBackward(
      dq: shape.output("dq", bench), dkeys: shape.dkeys(bench), dy: shape.input("dy", bench), probs: probs, q: q,
      keys: keys, heads: H, accumulate: shape.accumulate)
  }
}

@Suite struct DotAttentionTests {
  @Test(arguments: AttentionShape.all) func agreesWithTheReference(_ shape: AttentionShape) {
    expectParity(DotAttentionCase(shape: shape))
  }

  @Test func theLargestScoreMayStandAnywhere() { expectTheLargestScoreWins(.dot) }

  @Test func aFaultIsCaught() { expectFaultsCaught(DotAttentionCase(shape: .small)) }

  @Test func gradientsAreThoseOfForward() {
    var shape = AttentionShape.small
    shape.chained = true
    expectGradients(DotAttentionCase(shape: shape))
  }
}
