import CVLMKernels
import ReferenceKernels

/// The kernels in C: float32, vectorised for one instruction set.
// Unchecked, because a pointer is never Sendable: this one is to a constant table.
public struct CKernels: Kernels, @unchecked Sendable {
  /// C computes in float32.
  public typealias Scalar = Float

  /// What they are compiled for.
  public let instructionSet: InstructionSet
  /// The most threads that one matmul may share its rows with; the result does not depend on it.
  public let threads: Int
  @usableFromInline
  let table: UnsafePointer<vlm_kernels>

  /// Fails if this processor does not have the instruction set.
  public init?(_ instructionSet: InstructionSet, threads: Int = 1) {
    guard let table = vlm_kernels_for(instructionSet.identifier) else { return nil }
    self.instructionSet = instructionSet
    self.threads = threads
    self.table = table
  }

  /// For the best instruction set that this processor has.
  public init(threads: Int = 1) {
    guard let kernels = CKernels(.best, threads: threads) else { preconditionFailure("no baseline kernels") }
    self = kernels
  }

  @inlinable
  @inline(__always)
  public func run<Result>(
    _ operation: StaticString, c: (CKernels) -> Result, swift: (Reference<Float>) -> Result
  ) -> Result {
    c(self)
  }
}

extension Matrix {
  /// The scalars as C takes them; for the calls of C alone, where `Element` is Float.
  @inlinable
  @inline(__always)
  var floats: UnsafeMutablePointer<Float> { UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: Float.self) }

  /// Stops with both shapes if this one is another. C walks whole rows: they must touch unless `strided`.
  @inlinable
  @inline(__always)
  func require(_ rows: Int, _ columns: Int, strided: Bool = false) {
    precondition(
      self.rows == rows && self.columns == columns && (strided || stride == columns || rows <= 1),
      "\(self.rows) × \(self.columns), stride \(stride), where \(rows) × \(columns) is needed")
  }
}

extension Matrix<Int32> {
  @inlinable
  @inline(__always)
  func requireIndices(_ count: Int, below limit: Int) {
    require(count, 1)
    for i in 0..<count {
      precondition(self[i, 0] >= 0 && self[i, 0] < limit, "index \(self[i, 0]) of \(limit)")
    }
  }
}

extension Bool {
  /// As C takes it.
  @inlinable
  @inline(__always)
  var flag: Int32 { self ? 1 : 0 }
}

extension GradientKind {
  /// The `published` of the C functions.
  @inlinable
  @inline(__always)
  var flag: Int32 { self == .published ? 1 : 0 }
}
