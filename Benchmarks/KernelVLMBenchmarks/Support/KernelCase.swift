import KernelVLM
import ReferenceKernels

/// One direction of a kernel at one shape.
protocol KernelCase: Operation {
  /// Kernel, direction and shape, as in `Matmul_forward_34x32x64`; the name of the kernels is appended.
  var name: String { get }
  /// What one call costs.
  var work: Work { get }

  /// Lays out the operands; the result is the call that is timed.
  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void
}

extension KernelCase {
  func run<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) { prepare(kernels, on: bench)() }
}

/// What a kernel must do at least, whoever computes it.
struct Work {
  /// Additions and multiplications; an exp, a logarithm, a division or a root counts as one operation.
  var operations: Int
  /// Scalars that are read or written, each operand once.
  var scalars: Int

  var bytes: Int { scalars * MemoryLayout<Float>.stride }
}
