/// The least time of one call, in seconds: the minimum over samples that are long enough for the clock.
/// - Parameter budget: how long to go on; there are at least three samples.
func leastTime(_ budget: Duration, _ call: () throws -> Void) rethrows -> Double {
  let clock = ContinuousClock()
  try call()
  let calls = max(1, Int((.microseconds(25) / max(try clock.measure(call), .nanoseconds(25))).rounded(.up)))
  let start = clock.now
  var least = Duration.seconds(1_000_000)
  var samples = 0
  while samples < 3 || start.duration(to: clock.now) < budget {
    least = min(
      least,
      try clock.measure {
        for _ in 0..<calls { try call() }
      })
    samples += 1
  }
  return least / .seconds(1) / Double(calls)
}
