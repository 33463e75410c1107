import CMath

extension Float: KernelScalar {
  /// `expf` of the C library.
  @inlinable
  public static func exp(_ x: Float) -> Float { CMath.expf(x) }
  /// `logf` of the C library.
  @inlinable
  public static func log(_ x: Float) -> Float { CMath.logf(x) }
  /// `cosf` of the C library.
  @inlinable
  public static func cos(_ x: Float) -> Float { CMath.cosf(x) }
  /// `sinf` of the C library.
  @inlinable
  public static func sin(_ x: Float) -> Float { CMath.sinf(x) }
}

extension Double: KernelScalar {
  /// `exp` of the C library.
  @inlinable
  public static func exp(_ x: Double) -> Double { CMath.exp(x) }
  /// `log` of the C library.
  @inlinable
  public static func log(_ x: Double) -> Double { CMath.log(x) }
  /// `cos` of the C library.
  @inlinable
  public static func cos(_ x: Double) -> Double { CMath.cos(x) }
  /// `sin` of the C library.
  @inlinable
  public static func sin(_ x: Double) -> Double { CMath.sin(x) }
}
