import KernelVLM
import ReferenceKernels

/// One direction of a kernel at one size.
protocol KernelCase: Operation {
  /// Kernel and direction, as in `Matmul_forward`.
  var operation: String { get }
  /// As in `34x32x64`.
  var size: String { get }
  /// What one call costs.
  var work: Work { get }

  /// Lays out the operands; the result is the call that is timed.
  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void
}

extension KernelCase {
  var name: String { "\(operation)_\(size)" }
  func run<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) { prepare(kernels, on: bench)() }
}

/// What a kernel must do at least, whoever computes it.
public struct Work: Sendable {
  /// Additions and multiplications; an exp, a logarithm, a division or a root counts as one operation.
  public var operations: Int
  /// Scalars that are read or written, each operand once.
  public var scalars: Int

  public var bytes: Int { scalars * MemoryLayout<Float>.stride }
}

/// The sizes that a kernel is timed at: the default model's, and those of larger models and batches.
struct Sizes<Size: Sendable>: Sendable {
  let model: [Size]
  let larger: [Size]

  init(model: [Size], larger: [Size]) {
    self.model = model
    self.larger = larger
  }

  /// With the larger sizes made from every number of rows and every width in turn.
  init(model: [Size], grid make: (_ rows: Int, _ width: Int) -> Size) {
    self.init(model: model, larger: largerWidths.flatMap { width in largerBatches.map { make($0, width) } })
  }
}

let largerBatches = [1, 32, 256]
let largerWidths = [64, 128, 256]
