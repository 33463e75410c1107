import CVLMKernels

/// NumPy's legacy random stream (`numpy.random.RandomState(seed)`), value for value.
///
/// MT19937 (Matsumoto and Nishimura, ACM TOMACS 8, 1998) seeded by `init_genrand`; 53-bit doubles; Gaussians by
/// Marsaglia's polar method with the second value kept for the next call.
public struct MersenneTwister: RandomNumberGenerator, Sendable {
  private static let length = 624
  private static let middle = 397

  private var state: [UInt32]
  private var index = Self.length
  private var spareGaussian: Double?

  /// The stream of `numpy.random.RandomState(seed)`.
  public init(seed: UInt32) {
    state = [seed]
    state.reserveCapacity(Self.length)
    for i in 1..<UInt32(Self.length) {
      let last = state[state.count - 1]
      state.append(1_812_433_253 &* (last ^ last >> 30) &+ i)
    }
  }

  /// The next 32 bits.
  public mutating func nextWord() -> UInt32 {
    if index == Self.length { twist() }
    var word = state[index]
    index += 1
    word ^= word >> 11
    word ^= word << 7 & 0x9d2c_5680
    word ^= word << 15 & 0xefc6_0000
    return word ^ word >> 18
  }

  /// Two words, the first one high.
  public mutating func next() -> UInt64 {
    let high = UInt64(nextWord())
    return high << 32 | UInt64(nextWord())
  }

  /// Uniform in 0 ..< 1, a multiple of 2^-53.
  public mutating func uniform() -> Double {
    let high = Double(nextWord() >> 5)
    let low = Double(nextWord() >> 6)
    return (high * 67_108_864 + low) / 9_007_199_254_740_992
  }

  /// Standard normal.
  public mutating func gaussian() -> Double {
    if let spare = spareGaussian {
      spareGaussian = nil
      return spare
    }
    while true {
      let x1 = 2 * uniform() - 1
      let x2 = 2 * uniform() - 1
      let r2 = x1 * x1 + x2 * x2
      if r2 >= 1 || r2 == 0 { continue }
      let f = (-2 * vlm_log(r2) / r2).squareRoot()
      spareGaussian = f * x1
      return f * x2
    }
  }

  /// 0 ..< `count` in random order: Fisher-Yates from the back, as `RandomState.permutation`.
  public mutating func permutation(_ count: Int) -> [Int] {
    precondition(count >= 0 && UInt64(count) <= UInt64(UInt32.max), "permutation of \(count)")
    var order = Array(0..<count)
    for i in stride(from: count - 1, to: 0, by: -1) {
      order.swapAt(i, uniformIndex(through: i))
    }
    return order
  }

  /// Uniform in 0 ... `last`: words cut to the bits of `last` until one is not above it.
  private mutating func uniformIndex(through last: Int) -> Int {
    let mask = UInt32.max >> UInt32(last).leadingZeroBitCount
    while true {
      let index = Int(nextWord() & mask)
      if index <= last { return index }
    }
  }

  private mutating func twist() {
    for i in 0..<Self.length {
      let bits = state[i] & 0x8000_0000 | state[(i + 1) % Self.length] & 0x7fff_ffff
      let odd: UInt32 = bits & 1 == 1 ? 0x9908_b0df : 0
      state[i] = state[(i + Self.middle) % Self.length] ^ bits >> 1 ^ odd
    }
    index = 0
  }
}
