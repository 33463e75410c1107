import Testing

@testable import KernelVLM
@testable import KernelVLMCore

struct ImageOrderTests {
  private func images(_ order: Recipe.Order, seed: UInt32, count: Int, _ positions: Range<Int>) -> [Int] {
    var order = ImageOrder(order, seed: seed, count: count)
    return positions.map { order.image(at: UInt64($0)) }
  }

  @Test func aSequenceGoesRoundAndRound() {
    #expect(images(.sequential, seed: 42, count: 4, 0..<10) == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1])
  }

  /// RandomState(seed + 0x9e3779b9 · (pass + 1) mod 2³²).permutation(10) in NumPy 2.4.6.
  @Test func aShuffledPassIsNumPysPermutation() {
    #expect(
      images(.shuffled, seed: 42, count: 10, 0..<30) == [
        0, 8, 5, 1, 4, 2, 7, 9, 3, 6, 3, 2, 1, 5, 8, 0, 4, 9, 6, 7, 3, 2, 8, 7, 4, 6, 5, 0, 9, 1,
      ])
    #expect(
      images(.shuffled, seed: 7, count: 10, 0..<30) == [
        3, 1, 6, 8, 0, 2, 5, 9, 7, 4, 7, 1, 3, 8, 9, 5, 6, 2, 0, 4, 8, 2, 7, 9, 1, 3, 5, 6, 4, 0,
      ])
  }

  @Test func everyPassHasEveryImageOnceInAnOrderOfItsOwn() {
    let count = 600
    var orders: Set<[Int]> = []
    for seed in [0, 1, 42, UInt32.max] {
      for pass in 0..<5 {
        let order = images(.shuffled, seed: seed, count: count, pass * count..<(pass + 1) * count)
        #expect(order.sorted() == Array(0..<count))
        orders.insert(order)
      }
    }
    #expect(orders.count == 20)
  }

  @Test(arguments: Recipe.Order.allCases) func positionsHave64Bits(_ order: Recipe.Order) {
    for count in [1, 7] {
      var order = ImageOrder(order, seed: .max, count: count)
      for position: UInt64 in [1 << 31, 1 << 32, .max] { #expect((0..<count).contains(order.image(at: position))) }
    }
  }

  @Test func aRunMayBeginAnywhere() {
    let all = images(.shuffled, seed: 3, count: 7, 0..<40)
    for start in 0..<40 { #expect(images(.shuffled, seed: 3, count: 7, start..<40) == Array(all[start...])) }
  }
}
