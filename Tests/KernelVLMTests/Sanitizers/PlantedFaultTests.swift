import CVLMKernels
import Foundation
@testable import KernelVLM
@testable import KernelVLMCore
import Testing

/// A fault that a sanitizer must find, or it finds nothing else either. `Tests/sanitize` plants one at a time, by naming
/// it in `KERNELVLM_PLANT`, in the very build that the other tests run in.
enum PlantedFault: String {
  /// A C kernel writes one number beyond its output.
  case overflowInC = "overflow-in-c"
  /// Swift writes one number beyond an allocation.
  case overflowInSwift = "overflow-in-swift"
  /// A product of sizes that C cannot represent.
  case signedOverflow = "signed-overflow"
  /// Two threads of an OpenMP region add into one output, in C.
  case raceInOpenMP = "race-in-openmp"
  /// Two threads count in one variable, in Swift.
  case raceOfThreads = "race-of-threads"

  static let planted = ProcessInfo.processInfo.environment["KERNELVLM_PLANT"].flatMap { PlantedFault(rawValue: $0) }

  func commit() throws {
    let kernels = try #require(vlm_kernels_for(VLM_ISA_BASELINE))
    let x = UnsafeMutablePointer<Float>.allocate(capacity: 64)
    x.initialize(repeating: 1, count: 64)
    let y = UnsafeMutablePointer<Float>.allocate(capacity: 63)
    y.initialize(repeating: 1, count: 63)
    defer {
      x.deallocate()
      y.deallocate()
    }
    switch self {
    case .overflowInC:
      kernels.pointee.add(y, x, 64)
    case .overflowInSwift:
      y[63] = 1
    case .signedOverflow:
      vlm_matmul_forward(kernels, 2, y, x, x, 1, 1 << 40, 1 << 40, 0)
    case .raceInOpenMP:
      nonisolated(unsafe) let (add, sum, addend) = (kernels.pointee.add, y, x)
      Parallel.openMP(count: 2, threads: 2) { _, _ in add(sum, addend, 63) }
    case .raceOfThreads:
      let threads = try (0..<2).map { _ in try counting(in: y) }
      for thread in threads { pthread_join(thread, nil) }
    }
  }

  /// A new thread that adds 1 to `number`.
  private func counting(in number: UnsafeMutablePointer<Float>) throws -> pthread_t {
    var thread = pthread_t()
    let count: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = {
      $0?.assumingMemoryBound(to: Float.self).pointee += 1
      return nil
    }
    try #require(pthread_create(&thread, nil, count, number) == 0)
    return thread
  }
}

@Suite(.enabled(if: PlantedFault.planted != nil, "only Tests/sanitize plants faults"))
struct PlantedFaultTests {
  @Test func aSanitizerFindsThePlantedFault() throws { try #require(PlantedFault.planted).commit() }
}
