import KernelVLM
import Testing

/// Every number here was printed by NumPy 2.4.6's `RandomState`.
struct MersenneTwisterTests {
  @Test func wordsAreThoseOfMT19937() {
    var random = MersenneTwister(seed: 42)
    #expect(
      [random.nextWord(), random.nextWord(), random.nextWord()] == [1_608_637_542, 3_421_126_067, 4_083_286_876])
  }

  @Test func aWideWordHasItsFirstHalfHigh() {
    var random = MersenneTwister(seed: 42)
    #expect(random.next() == 1_608_637_542 << 32 | 3_421_126_067)
  }

  @Test func doublesHave53Bits() {
    var random = MersenneTwister(seed: 42)
    let expected = [0.3745401188473625, 0.9507143064099162, 0.7319939418114051, 0.5986584841970366]
    #expect(expected.map { _ in random.uniform() } == expected)
  }

  @Test func gaussiansAreNumPysWithinOneUlpAlongTheWholeDraw() {
    var random = MersenneTwister(seed: 42)
    let drawn = (0..<32_240).map { _ in random.gaussian() }
    let expected = [
      0: 0.4967141530112327, 1: -0.13826430117118466, 2: 0.6476885381006925, 3: 1.5230298564080254,
      999: 0.5725827813561586, 1000: 1.3993554365860021, 16_000: 0.8793072927089763, 32_238: 1.0849248358982795,
      32_239: -0.42847008834661526,
    ]
    for (index, value) in expected {
      #expect(abs(drawn[index] - value) <= value.ulp, "value \(index)")
    }
  }

  @Test(arguments: [
    (UInt32(7), [1.690525703800356, -0.4659373705408328, 0.0328201636785844]),
    (UInt32.max, [0.6484086742306527, 0.6693235306338161, -1.0805437227474493]),
  ])
  func otherSeedsAreNumPysToo(seed: UInt32, expected: [Double]) {
    var random = MersenneTwister(seed: seed)
    for value in expected { #expect(abs(random.gaussian() - value) <= value.ulp) }
  }

  @Test func theSecondGaussianIsKeptAcrossAUniform() {
    var random = MersenneTwister(seed: 0)
    let first = random.gaussian()
    let uniform = random.uniform()
    #expect(abs(first - 1.764052345967664) <= first.ulp && uniform == 0.6027633760716439)
    #expect(abs(random.gaussian() - 0.4001572083672233) <= 0.4.ulp)
  }

  @Test func permutationsAreNumPys() {
    var random = MersenneTwister(seed: 42)
    #expect(random.permutation(10) == [8, 1, 5, 0, 7, 2, 9, 4, 3, 6])
    #expect(random.permutation(5) == [1, 0, 3, 4, 2])
    random = MersenneTwister(seed: 42)
    let order = random.permutation(60_000)
    #expect(order.prefix(5) == [12628, 37730, 39991, 8525, 8279] && order.suffix(3) == [860, 15795, 56422])
    #expect(order.enumerated().reduce(0) { $0 + $1.offset * $1.element } == 53_939_966_067_282)
  }

  @Test(arguments: [0, 1, 2, 17]) func aPermutationHasEveryIndexOnce(count: Int) {
    var random = MersenneTwister(seed: 1)
    #expect(random.permutation(count).sorted() == Array(0..<count))
  }
}
