/// The kernels in plain Swift: the executable version of the model's formulas, in Float or in Double.
///
/// Each operation stands in the file of its name, its backward right after its forward. Letters and conventions are those
/// of `include/CVLMKernels.h`; the operands are matrices, which bring their sizes along.
public struct Reference<Scalar: KernelScalar>: Sendable {
  /// A value of it holds nothing.
  @inlinable
  public init() {}
}

/// What the kernels need of a scalar beside arithmetic.
public protocol KernelScalar: BinaryFloatingPoint, Sendable {
  /// eˣ.
  static func exp(_ x: Self) -> Self
  /// The natural logarithm.
  static func log(_ x: Self) -> Self
  /// The cosine of x in radians.
  static func cos(_ x: Self) -> Self
  /// The sine of x in radians.
  static func sin(_ x: Self) -> Self
}

/// Which gradient backward computes.
public enum GradientKind: String, CaseIterable, Sendable {
  /// The true gradient of the loss.
  case exact
  /// What the published program computes, [purevlm](https://github.com/sailfish009/purevlm) by sailfish009: it differs from
  /// the true gradient in RMSNorm, in the unit norm, in the text loss and in the reconstruction term, which has none.
  case published
}
