import Foundation

extension Float: KernelScalar {
  @inlinable
  public static func exp(_ x: Float) -> Float { Foundation.exp(x) }
  @inlinable
  public static func log(_ x: Float) -> Float { Foundation.log(x) }
}

extension Double: KernelScalar {
  @inlinable
  public static func exp(_ x: Double) -> Double { Foundation.exp(x) }
  @inlinable
  public static func log(_ x: Double) -> Double { Foundation.log(x) }
}
