import ReferenceKernels

/// Where the time of a training step goes, operation by operation.
///
/// One thread at a time: kernels that are being profiled run on the caller alone.
public final class KernelProfile: @unchecked Sendable {
  /// What one operation has taken so far.
  public struct Entry: Sendable {
    /// The method of `Kernels`: "matmulForward(_:x:w:accumulate:)".
    public let operation: StaticString
    /// How often it was called.
    public fileprivate(set) var calls = 0
    /// In nanoseconds, over all calls.
    public fileprivate(set) var nanoseconds: Int64 = 0
  }

  private let now: @Sendable () -> Int64
  private var lastEnd: Int64?
  /// The operations that were called, in the order in which they first were.
  public private(set) var entries: [Entry] = []
  /// Nanoseconds between the operations: the time of the model's graph and of what else the caller does. With the
  /// operations' it is all time from the first to the last.
  public private(set) var nanosecondsBetween: Int64 = 0
  /// What measuring an operation adds to its own time, and to the time between it and the next; in nanoseconds.
  public private(set) var overhead = (inside: Double.infinity, between: Double.infinity)

  /// - Parameter now: a clock, in nanoseconds from any beginning.
  public init(now: @escaping @Sendable () -> Int64) {
    self.now = now
    // An operation that does nothing. The least of ten: the others were interrupted, or not in cache.
    let calls = 1000
    for _ in 0..<10 {
      forget()
      for _ in 0..<calls { measure("nothing") {} }
      overhead.inside = min(overhead.inside, Double(entries[0].nanoseconds) / Double(calls))
      overhead.between = min(overhead.between, Double(nanosecondsBetween) / Double(calls))
    }
    forget()
  }

  private func forget() { (entries, lastEnd, nanosecondsBetween) = ([], nil, 0) }

  @inline(__always)
  func measure<Result>(_ operation: StaticString, _ body: () -> Result) -> Result {
    let start = now()
    if let lastEnd { nanosecondsBetween += start - lastEnd }
    let result = body()
    let end = now()
    let index = index(of: operation)
    entries[index].calls += 1
    entries[index].nanoseconds += end - start
    lastEnd = end
    return result
  }

  private func index(of operation: StaticString) -> Int {
    // Nearly always the same literal; another one if the method was inlined elsewhere.
    if let index = entries.firstIndex(where: { $0.operation.utf8Start == operation.utf8Start }) { return index }
    if let index = entries.firstIndex(where: { $0.operation.description == operation.description }) { return index }
    entries.append(Entry(operation: operation))
    return entries.count - 1
  }
}

/// Kernels that keep account of their time. What they compute is what `kernels` compute.
public struct ProfiledKernels<Base: Kernels>: Kernels {
  /// That of the kernels whose time is taken.
  public typealias Scalar = Base.Scalar

  let kernels: Base
  let profile: KernelProfile

  /// `kernels`, whose time goes to `profile`.
  public init(kernels: Base, profile: KernelProfile) {
    self.kernels = kernels
    self.profile = profile
  }

  @inline(__always)
  public func run<Result>(
    _ operation: StaticString, c: (CKernels) -> Result, swift: (Reference<Scalar>) -> Result
  ) -> Result {
    profile.measure(operation) { kernels.run(operation, c: c, swift: swift) }
  }
}
