/// How many threads share a step, by measurement: the number with which the steps of a trial were fastest.
///
/// A core that another process uses, or a step too small to share, shows in nothing but the time. So every candidate
/// (1, 2, 4, … and the most) takes a few steps, the fastest goes on, and after some time all are tried again: for as long
/// as the choice stands the trials grow rarer, to at most 1 step of 200 with three candidates. Results are the same bits
/// for any number of threads, so trying costs nothing but time.
struct ThreadChoice: Equatable {
  /// Steps that a candidate takes in a trial. The first is not counted: it may have to wake or start threads.
  static let trialSteps = 5
  /// Steps between two trials.
  static let shortestStand = 200
  static let longestStand = 3200

  private let candidates: [Int]
  private var best: Int
  /// Counted seconds of each candidate that has had its turn in this trial, and of the one whose turn it is.
  private var trial: [Double] = []
  private var seconds = 0.0
  private var stepsTaken = 0
  /// Steps that the choice will stand for; nil in a trial.
  private var standing: Int?
  private var stand = ThreadChoice.shortestStand

  /// - Parameter most: at least 1.
  init(most: Int) {
    let powers = sequence(first: 1) { $0 * 2 }.prefix { $0 < most }
    candidates = powers + [most]
    best = most
    if candidates.count == 1 { standing = .max }
  }

  /// What the next step should take.
  var threads: Int { standing == nil ? candidates[trial.count] : best }

  /// Whether the time of the next step matters.
  var isTrial: Bool { standing == nil }

  /// Tells what the last step, which took `threads`, cost.
  mutating func record(seconds: Double) {
    stepsTaken += 1
    if let standing {
      if stepsTaken >= standing { startTrial() }
      return
    }
    if stepsTaken > 1 { self.seconds += seconds }
    guard stepsTaken == Self.trialSteps else { return }
    trial.append(self.seconds)
    self.seconds = 0
    stepsTaken = 0
    if trial.count == candidates.count { choose() }
  }

  private mutating func startTrial() {
    standing = nil
    trial = []
    seconds = 0
    stepsTaken = 0
  }

  private mutating func choose() {
    // Of equals the fewest threads: the rest of the machine has a use for the others.
    let fastest = zip(trial, candidates).min { $0.0 < $1.0 }?.1 ?? best
    stand = fastest == best ? min(2 * stand, Self.longestStand) : Self.shortestStand
    best = fastest
    standing = stand
  }
}
