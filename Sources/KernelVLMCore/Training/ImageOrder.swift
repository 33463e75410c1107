/// Which image comes when.
struct ImageOrder {
  let order: Recipe.Order
  let seed: UInt32
  /// Images to choose from.
  let count: Int
  /// The pass whose permutation is at hand.
  private var pass: UInt64?
  private var permutation: [Int] = []

  init(_ order: Recipe.Order, seed: UInt32, count: Int) {
    precondition(count > 0, "no images")
    self.order = order
    self.seed = seed
    self.count = count
  }

  /// The image that is drawn as number `position`, counted from 0 over all steps.
  ///
  /// A shuffled pass depends on the seed and its own number alone, so that a run can begin anywhere.
  mutating func image(at position: UInt64) -> Int {
    let (pass, rest) = position.quotientAndRemainder(dividingBy: UInt64(count))
    guard order == .shuffled else { return Int(rest) }
    if self.pass != pass {
      self.pass = pass
      // Odd multiples of the golden ratio keep the seeds of passes, and of neighbouring runs, apart.
      var random = MersenneTwister(seed: seed &+ 0x9e37_79b9 &* (UInt32(truncatingIfNeeded: pass) &+ 1))
      permutation = random.permutation(count)
    }
    return permutation[Int(rest)]
  }
}
