import CVLMKernels
import Glibc

/// Asks the system for `byteCount` bytes and gives them back: to be called before a Swift array of a size that a file
/// decides, because an array that gets no memory ends the process.
///
/// Asks for 16 MiB more, for the small allocations around the array, which cannot be asked for one by one. What a system
/// promises it may still fail to keep: Linux ends a process that touches more than there is, unless overcommitting is off.
/// - Throws: `FileError.memory`.
func requireMemory(_ byteCount: Int, for path: String) throws(FileError) {
  let spare = 16 << 20
  let (size, overflow) = byteCount.addingReportingOverflow(spare)
  // By mmap, since the optimiser would leave out a malloc that is freed unused.
  let memory = overflow ? MAP_FAILED : mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
  guard memory != MAP_FAILED else { throw FileError(memoryFor: byteCount, path) }
  munmap(memory, size)
}

extension FileError {
  init(memoryFor byteCount: Int, _ path: String) {
    self.init(.memory, path: path, "expected \(byteCount) bytes of memory, found too little")
  }
}

/// What happens where the system has no memory for a buffer of the kernels. They cannot fail, so that nobody could be
/// told.
public enum OutOfMemory {
  /// `handler` is called with the number of bytes, and must end the process. Without one the process is aborted.
  public static func handle(by handler: @escaping @convention(c) (_ byteCount: Int) -> Void) {
    vlm_on_out_of_memory(handler)
  }
}
