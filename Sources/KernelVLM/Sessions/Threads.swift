import CVLMKernels
import Dispatch

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

  /// On Dispatch's threads.
  public static let dispatch = Parallel { count, threads, body in
    // Not Sendable, and need not be: the calls share only what the caller keeps apart by thread.
    nonisolated(unsafe) let body = body
    DispatchQueue.concurrentPerform(iterations: threads) { thread in
      for i in stride(from: thread, to: count, by: threads) { body(i, thread) }
    }
  }
}
