import CMath

extension Float: KernelScalar {
  /// `expf` of the C library.
  @inlinable
  public static func exp(_ x: Float) -> Float { CMath.expf(x) }
  /// `logf` of the C library.
  @inlinable
  public static func log(_ x: Float) -> Float { CMath.logf(x) }
}

extension Double: KernelScalar {
  /// `exp` of the C library.
  @inlinable
  public static func exp(_ x: Double) -> Double { CMath.exp(x) }
  /// `log` of the C library.
  @inlinable
  public static func log(_ x: Double) -> Double { CMath.log(x) }
}
