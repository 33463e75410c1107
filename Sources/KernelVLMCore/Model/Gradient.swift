import ReferenceKernels

/// The gradient of the loss by every parameter, as backward leaves it.
///
/// It is written to a buffer that is laid out as the parameters are. For one image a pixel weight's gradient has rank 1:
/// two vectors suffice, for its norm and for Adam.
final class Gradient<Scalar: KernelScalar> {
  /// d xᵀ, of some parameters that are a (m, k) matrix.
  struct OuterProduct {
    let range: Range<Int>
    /// (1, m) and (1, k).
    let d: Matrix<Scalar>
    let x: Matrix<Scalar>

    /// Of some outer products the one, or its part, that the parameters `range`, whole rows, have for a gradient: nil if
    /// theirs is written.
    static func first(_ products: [OuterProduct], of range: Range<Int>) -> OuterProduct? {
      for product in products where product.range.contains(range.lowerBound) {
        let first = (range.lowerBound - product.range.lowerBound) / product.x.columns
        let rows = first..<first + range.count / product.x.columns
        return OuterProduct(range: range, d: product.d.columns(rows), x: product.x)
      }
      return nil
    }
  }

  let buffer: Buffer<Scalar>
  let matrices: Parameters<Scalar>
  /// Whether a gradient that is an outer product stays one. Only for a gradient that no other is added to.
  let keepsOuterProducts: Bool
  private(set) var outerProducts: [OuterProduct] = []

  init(_ table: ParameterTable, _ configuration: ModelConfiguration, keepsOuterProducts: Bool = false) {
    buffer = Buffer(count: table.count)
    matrices = Parameters(buffer, table: table, configuration: configuration)
    self.keepsOuterProducts = keepsOuterProducts
  }

  /// Forgets the outer products of the last backward.
  func reset() { outerProducts.removeAll(keepingCapacity: true) }

  /// Takes dᵀ x for the gradient `dw` of this buffer, until the next reset. d (1, m) and x (1, k) must last as long.
  func keep(_ dw: Matrix<Scalar>, d: Matrix<Scalar>, x: Matrix<Scalar>) {
    outerProducts.append(OuterProduct(range: buffer.range(of: dw), d: d, x: x))
  }

  /// Writes what has been kept as outer products.
  func write<K: Kernels<Scalar>>(_ kernels: K) {
    for product in outerProducts {
      kernels.matmulBackwardWeight(
        buffer.matrix(at: product.range.lowerBound, rows: product.d.columns, columns: product.x.columns),
        dy: product.d, x: product.x, accumulate: false)
    }
    reset()
  }
}
