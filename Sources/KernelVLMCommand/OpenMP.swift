import Foundation
import KernelVLM

/// OpenMP ends a process that it cannot start in.
enum OpenMP {
  /// Starts up to `count` threads and returns how many there are, or exits with 71 where OpenMP cannot start.
  static func start(_ count: Int) -> Int {
    guard count > 1 else { return count }
    let former = [SIGABRT, SIGBUS, SIGSEGV].map { number in
      var (new, former) = (sigaction(), sigaction())
      new.__sigaction_handler.sa_handler = { _ in
        let message: StaticString = "Error: OpenMP could not start its threads; --threads 1 does without\n"
        _ = write(STDERR_FILENO, message.utf8Start, message.utf8CodeUnitCount)
        _exit(EX_OSERR)
      }
      sigaction(number, &new, &former)
      return (number, former)
    }
    defer {
      for (number, action) in former {
        var action = action
        sigaction(number, &action, nil)
      }
    }
    // `count` says what it says, and libomp stops where it is empty.
    unsetenv("OMP_NUM_THREADS")
    let started = Threads.start(count)
    // By this name other copies of libomp in the process would find this one; there are none, and a kill would leave it.
    shm_unlink("/__KMP_REGISTERED_LIB_\(getpid())_\(getuid())")
    return started
  }
}
