import CMath

extension Float: KernelScalar {
  @inlinable
  public static func exp(_ x: Float) -> Float { CMath.expf(x) }
  @inlinable
  public static func log(_ x: Float) -> Float { CMath.logf(x) }
}

extension Double: KernelScalar {
  @inlinable
  public static func exp(_ x: Double) -> Double { CMath.exp(x) }
  @inlinable
  public static func log(_ x: Double) -> Double { CMath.log(x) }
}
