import CVLMKernels
import ReferenceKernels
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

@Suite struct ParallelTests {
  @Test(arguments: [0, 1, 2, 7, 64], [1, 2, 3, 8]) func callsEachIndexOnce(count: Int, threads: Int) {
    func check(_ parallel: Parallel) {
      // One slot for each index, written by one call only.
      let calls = UnsafeMutablePointer<Int>.allocate(capacity: count + 1)
      defer { calls.deallocate() }
      calls.initialize(repeating: 0, count: count + 1)
      nonisolated(unsafe) let slots = calls
      parallel(count: count, threads: threads) { i, thread in
        slots[i] += thread < threads && thread >= 0 ? 1 : 100
      }
      #expect((0..<count).allSatisfy { calls[$0] == 1 } && calls[count] == 0)
    }
    for parallel in [Parallel.serial, .openMP, .threads] { check(parallel) }
  }

  @Test func aThreadGetsTheSameIndicesEachTime() {
    let threads = 3
    let owners = UnsafeMutablePointer<Int>.allocate(capacity: 10)
    defer { owners.deallocate() }
    owners.initialize(repeating: -1, count: 10)
    // A slot each, as above: the thread sanitizer does not see what a Mutex orders.
    nonisolated(unsafe) let slots = owners
    Parallel.openMP(count: 10, threads: threads) { i, thread in slots[i] = thread }
    let expected = (0..<10).map { vlm_has_openmp() == 1 ? $0 % threads : 0 }
    #expect((0..<10).map { owners[$0] } == expected)
  }

  /// Work enough for several threads, rows that do not divide, and a last chunk that would have one row.
  @Test(arguments: [(200, 96, 130), (49, 257, 194)])
  func matmulsHaveTheSameBitsForAnyNumberOfThreads(n: Int, k: Int, m: Int) throws {
    let operation = MatmulCase(n: n, k: k, m: m, accumulate: true)
    for isa in InstructionSet.available {
      let one = results(of: operation, try #require(CKernels(isa)))
      for threads in [2, 3, 4, 8] {
        let shared = results(of: operation, try #require(CKernels(isa, threads: threads)))
        for (name, values) in one {
          #expect(values.map(\.bitPattern) == shared[name]?.map(\.bitPattern), "\(isa), \(threads) threads: \(name)")
        }
      }
    }
  }
}
