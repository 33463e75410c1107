/// Runs pieces of work that do not depend on each other, on the threads of whoever made it: the core has none of its own.
public struct Parallel: Sendable {
  /// `share(count, threads, body)` calls body(i, thread) once for each i < count, on up to `threads` threads at a time;
  /// thread < threads tells them apart, and no two calls with the same thread overlap. Returns when all have returned.
  public typealias Share = @Sendable (_ count: Int, _ threads: Int, _ body: (_ i: Int, _ thread: Int) -> Void) -> Void

  private let share: Share

  /// Whatever `share` does with pieces of work.
  public init(_ share: @escaping Share) { self.share = share }

  /// All on the caller.
  public static let serial = Parallel { count, _, body in
    for i in 0..<count { body(i, 0) }
  }

  @inline(__always)
  func callAsFunction(count: Int, threads: Int, _ body: (_ i: Int, _ thread: Int) -> Void) {
    // A body that is called here is inlined: a training of single images takes 1 % less than through `share`.
    guard min(count, threads) > 1 else {
      for i in 0..<count { body(i, 0) }
      return
    }
    share(count, threads, body)
  }
}
