import ReferenceKernels

/// What the operations are computed with: C, or plain Swift.
///
/// The model graph is generic over this protocol and over nothing else. Each operation is listed once, as a method of an
/// extension in the file of its name: there stand its operands, the shapes that they must have, and the two calls.
/// `include/CVLMKernels.h` has the formula and what is overwritten or added into; each file of `ReferenceKernels` has the
/// derivation. Operands belong to the caller, and no operation can fail: a wrong shape is the caller's mistake and traps.
public protocol Kernels<Scalar>: Sendable {
  /// Float, or with the reference also Double.
  associatedtype Scalar: KernelScalar

  /// Runs one of the two calls.
  /// - Parameters:
  ///   - operation: the method that asks for it, "matmulForward(_:x:w:accumulate:)".
  ///   - c: calls C.
  ///   - swift: calls the reference.
  func run<Result>(
    _ operation: StaticString, c: (CKernels) -> Result, swift: (Reference<Scalar>) -> Result
  ) -> Result
}

extension Reference: Kernels {
  @inlinable
  @inline(__always)
  public func run<Result>(
    _ operation: StaticString, c: (CKernels) -> Result, swift: (Reference<Scalar>) -> Result
  ) -> Result {
    swift(self)
  }
}
