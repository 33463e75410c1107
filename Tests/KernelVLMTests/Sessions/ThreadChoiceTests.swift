import Testing

@testable import KernelVLM
@testable import KernelVLMCore

/// The choice is fed with invented times, so nothing here depends on the machine's.
@Suite struct ThreadChoiceTests {
  /// Takes steps, each as long as `seconds` says of its number of threads, and returns how many took each number.
  private func take(_ steps: Int, _ choice: inout ThreadChoice, seconds: (Int) -> Double) -> [Int: Int] {
    var taken: [Int: Int] = [:]
    for _ in 0..<steps {
      let threads = choice.threads
      taken[threads, default: 0] += 1
      choice.record(seconds: seconds(threads))
    }
    return taken
  }

  @Test func oneThreadIsNeverTried() {
    var choice = ThreadChoice(most: 1)
    #expect(!choice.isTrial)
    #expect(take(10_000, &choice) { _ in 1 } == [1: 10_000])
    #expect(!choice.isTrial)
  }

  @Test(arguments: [(2, [1, 2]), (3, [1, 2, 3]), (4, [1, 2, 4]), (8, [1, 2, 4, 8]), (12, [1, 2, 4, 8, 12])])
  func eachCandidateIsTried(most: Int, candidates: [Int]) {
    var choice = ThreadChoice(most: most)
    let taken = take(ThreadChoice.trialSteps * candidates.count, &choice) { _ in 1 }
    #expect(taken.keys.sorted() == candidates)
    #expect(taken.values.allSatisfy { $0 == ThreadChoice.trialSteps })
    #expect(!choice.isTrial)
    #expect(choice.threads == 1, "of equals the fewest")
  }

  /// Two threads halve the time: nearly all steps take them.
  @Test func theFasterIsTaken() {
    var choice = ThreadChoice(most: 2)
    let taken = take(7000, &choice) { 1 / Double($0) }
    #expect(taken[1, default: 0] < 7000 / 50)
  }

  /// More threads only cost, as when other processes have the cores: a trial of 5 steps each
  /// loses 5 (1 + 2 + 4 + 8) - 20 = 55 steps' time, and 20,000 steps see 10 of them,
  /// at 0, 220, 640, 1460, 3080 and then every 3220 steps.
  @Test func moreThreadsThanFreeCoresCostNothing() {
    var choice = ThreadChoice(most: 8)
    let taken = take(20_000, &choice) { Double($0) }
    let total = taken.reduce(0) { $0 + Double($1.key * $1.value) }
    #expect(total <= 20_000 + 10 * 55)
    #expect(total > 20_000, "and each was tried")
  }

  /// The first step of a turn, which may start threads, does not count.
  @Test func startingThreadsIsNotCounted() {
    var choice = ThreadChoice(most: 2)
    var steps = 0
    let taken = take(100, &choice) { threads in
      steps += 1
      return steps == ThreadChoice.trialSteps + 1 ? 1000 : 1 / Double(threads)
    }
    #expect(taken == [1: ThreadChoice.trialSteps, 2: 100 - ThreadChoice.trialSteps])
  }

  /// A core is taken away and given back: the choice follows both times, within a stand.
  @Test func itFollowsTheMachine() {
    var choice = ThreadChoice(most: 2)
    _ = take(1000, &choice) { 1 / Double($0) }
    #expect(choice.threads == 2 || choice.isTrial)
    _ = take(ThreadChoice.longestStand + 50, &choice) { Double($0) }
    let busy = take(150, &choice) { Double($0) }
    #expect(busy[1, default: 0] > 100)
    _ = take(ThreadChoice.longestStand + 50, &choice) { 1 / Double($0) }
    let free = take(150, &choice) { 1 / Double($0) }
    #expect(free[2, default: 0] > 100)
  }
}
