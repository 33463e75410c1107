import CVLMKernels
import Foundation
import ReferenceKernels
import Synchronization
import Testing

@testable import KernelVLMCore

/// The list of operations is the methods in Sources/KernelVLMCore/Operations. Nothing of it may be forgotten elsewhere.
@Suite struct OperationListTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..")

  /// The operations of each file, by its stem: those whose method asks for a call of C.
  private static let stems: [(stem: String, operations: [String])] = {
    let folder = root.appending(path: "Sources/KernelVLMCore/Operations")
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return files.sorted().compactMap { file in
      guard let text = try? String(contentsOf: folder.appending(path: file), encoding: .utf8),
        text.contains("\nextension Kernels {\n")
      else { return nil }
      let methods = text.matches(of: #/\n  public func (\w+)\(/#).map { String($0.1) }
      return (String(file.dropLast(".swift".count)), methods)
    }
  }()

  private static let operations = stems.flatMap(\.operations)

  private func text(_ path: String) throws -> String {
    try String(contentsOf: Self.root.appending(path: path), encoding: .utf8)
  }

  /// Pooling alone has two forms of one name: of bytes and of numbers.
  @Test func theListIsFound() {
    #expect(Self.operations.count >= 28 && Set(Self.operations).count == Self.operations.count - 1)
    #expect(Self.operations.filter { $0 == "poolingForward" }.count == 2)
    #expect(Self.operations.contains("matmulForward") && Self.operations.contains("attentionBackward"))
  }

  /// The C table has an entry for each, and one more: some rows of a weight's gradient, which threads share.
  @Test func noEntryOfACTableIsNullAndEachIsAnOperation() throws {
    let pointers = MemoryLayout<vlm_kernels>.size / MemoryLayout<UnsafeRawPointer?>.size
    #expect(pointers == Self.operations.count + 1)
    for isa in [VLM_ISA_BASELINE, VLM_ISA_AVX2, VLM_ISA_AVX512] {
      guard let table = vlm_kernels_for(isa) else { continue }
      table.withMemoryRebound(to: UnsafeRawPointer?.self, capacity: pointers) { entries in
        for index in 0..<pointers { #expect(entries[index] != nil, "entry \(index) of table \(isa)") }
      }
    }
  }

  @Test func eachStemHasItsCFileItsReferenceItsTestAndItsBenchmark() throws {
    let benchmarks = try text("Benchmarks/Cases/Support/KernelBenchmark.swift")
    for (stem, operations) in Self.stems {
      let reference = try text("Sources/ReferenceKernels/\(stem).swift")
      let c = try text("Sources/CVLMKernels/\(stem).h")
      let tests = try text("Tests/KernelVLMTests/Operations/\(stem)Tests.swift")
      let benchmark = try text("Benchmarks/Cases/Operations/\(stem).swift")
      let list = try #require(benchmark.firstMatch(of: #/\nfunc (\w+Benchmarks\(\))/#), "\(stem)")
      #expect(benchmarks.contains(" \(list.1)"), "\(list.1) is not among all benchmarks")
      for operation in operations {
        let snake = operation.replacing(#/[A-Z]+/#) { "_" + $0.output.lowercased() }
        #expect(reference.contains("public func \(operation)("), "the reference of \(operation)")
        #expect(c.contains(" \(snake)("), "\(snake) in \(stem).h")
        #expect(tests.contains(".\(operation)("), "a test of \(operation)")
        #expect(benchmark.contains(".\(operation)("), "a benchmark of \(operation)")
      }
    }
  }

  /// Augmentation takes bytes, which cannot be NaN.
  @Test func theTestOfNaNCallsEachOperation() {
    let recorded = Recorder()
    for operation in NotANumberTests.operations {
      operation.run(RecordingKernels(recorder: recorded), on: Bench<Double>())
    }
    #expect(recorded.names.withLock { $0 } == Set(Self.operations).subtracting(["augmentationForward"]))
  }

  /// A wrong shape stops both backends, in a build with optimisation too, before anything is written beside an operand.
  @Test func aWrongShapeStopsC() async {
    await #expect(processExitsWith: .failure) { wrongShape(CKernels()) }
  }

  @Test func aWrongShapeStopsTheReference() async {
    await #expect(processExitsWith: .failure) { wrongShape(Reference<Double>()) }
  }
}

/// y has a column less than w has rows.
private func wrongShape<K: Kernels>(_ kernels: K) {
  let bench = Bench<K.Scalar>()
  kernels.matmulForward(
    bench.output("y", 3, 4), x: bench.input("x", 3, 2), w: bench.input("w", 5, 2), accumulate: false)
}

private final class Recorder: Sendable {
  let names = Mutex(Set<String>())
}

/// The reference, which writes down what it is asked for.
private struct RecordingKernels: Kernels {
  let recorder: Recorder

  func run<Result>(
    _ operation: StaticString, c: (CKernels) -> Result, swift: (Reference<Double>) -> Result
  ) -> Result {
    recorder.names.withLock { _ = $0.insert(String(operation.description.prefix { $0 != "(" })) }
    return swift(Reference())
  }
}
