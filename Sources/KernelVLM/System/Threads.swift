import CVLMKernels
import Foundation
import KernelVLMCore

/// Threads: how many a program should take, and how it gets them.
public enum Threads {
  /// As many as are worth starting, unless the user says otherwise: what OMP_NUM_THREADS says, or else one for each core
  /// that this process may use.
  public static var defaultCount: Int {
    asked(ProcessInfo.processInfo.environment["OMP_NUM_THREADS"]) ?? cores
  }

  /// The first number of OpenMP's list, "4" or "4,2"; nil for what is no number of threads, which OpenMP ignores too.
  static func asked(_ text: String?) -> Int? {
    guard let first = text?.split(separator: ",", omittingEmptySubsequences: false).first,
      let count = Int(first.trimmingCharacters(in: .whitespaces)), (1...1024).contains(count)
    else { return nil }
    return count
  }

  /// The cores that this process may use: those of its affinity, and no more than its control groups give it time of.
  static var cores: Int {
    let read = { (path: String) in try? String(contentsOfFile: path, encoding: .utf8) }
    let affinity = read("/proc/self/status").flatMap(allowed) ?? ProcessInfo.processInfo.activeProcessorCount
    guard let groups = read("/proc/self/cgroup"), let mounts = read("/proc/self/mountinfo"),
      let quota = ControlGroups(groups: groups, mounts: mounts).cores(read)
    else { return affinity }
    return min(affinity, quota)
  }

  /// How many cores /proc/self/status allows: 6 of "Cpus_allowed_list:\t0-3,8,10".
  static func allowed(_ status: String) -> Int? {
    let list = status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") }?.split(separator: ":").last
    let ranges = list?.split(separator: ",").map { range in
      range.split(separator: "-").map { Int($0.trimmingCharacters(in: .whitespaces)) }
    }
    let count = ranges?.reduce(0) { count, bounds in
      guard let low = bounds.first ?? nil, let high = bounds.last ?? nil, high >= low else { return count }
      return count + high - low + 1
    }
    return count == 0 ? nil : count
  }

  /// Starts the threads that C kernels share their work with, and returns how many there are: `count`, or fewer if the
  /// system has not so many. OpenMP ends the process if it wants threads and gets none; after this it does not, as long as
  /// work is shared from the same thread and by no more.
  ///
  /// It may end the process here and now, by SIGABRT, SIGBUS or SIGSEGV, where there is no shared memory for it.
  public static func start(_ count: Int) -> Int { Int(vlm_start_threads(Int32(count))) }

  /// Calls `body(i, thread)` once for each i < count, on up to `threads` threads that live as long as this call: plain
  /// ones, since what the system refuses to start, the caller does. Dispatch would wait for it.
  static func share(count: Int, threads: Int, _ body: (_ i: Int, _ thread: Int) -> Void) {
    let threads = max(1, min(threads, count))
    func work(_ thread: Int) {
      for i in stride(from: thread, to: count, by: threads) { body(i, thread) }
    }
    guard threads > 1 else { return work(0) }
    withoutActuallyEscaping(work) { work in
      var started: [pthread_t] = []
      var own = [0]
      for thread in 1..<threads {
        if let id = pthread_t(running: { work(thread) }) { started.append(id) } else { own.append(thread) }
      }
      own.forEach(work)
      for id in started { pthread_join(id, nil) }
    }
  }
}

extension Parallel {
  /// On OpenMP's threads, which the C kernels share: threads of two kinds would wait for each other's cores.
  public static let openMP = Parallel { count, threads, body in
    // C calls back before it returns, so a pointer to the closure outlives all its uses.
    withoutActuallyEscaping(body) { body in
      var body = body
      withUnsafeMutablePointer(to: &body) { body in
        vlm_parallel(
          count, Int32(threads),
          { body, i, thread in
            body?.assumingMemoryBound(to: ((Int, Int) -> Void).self).pointee(i, Int(thread))
          }, body)
      }
    }
  }

  /// On plain threads that live as long as the call.
  public static let threads = Parallel { Threads.share(count: $0, threads: $1, $2) }
}

extension pthread_t {
  private final class Work {
    let run: () -> Void
    init(_ run: @escaping () -> Void) { self.run = run }
  }

  /// Starts a thread; nil if the system has none.
  fileprivate init?(running run: @escaping () -> Void) {
    let work = Unmanaged.passRetained(Work(run))
    var thread = pthread_t()
    let error = pthread_create(
      &thread, nil,
      { work in
        if let work { Unmanaged<Work>.fromOpaque(work).takeRetainedValue().run() }
        return nil
      }, work.toOpaque())
    guard error == 0 else {
      work.release()
      return nil
    }
    self = thread
  }
}
