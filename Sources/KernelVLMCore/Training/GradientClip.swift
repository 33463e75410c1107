import ReferenceKernels

/// Two clips: the gradient of each feature tensor to its own largest norm, and then all of them together.
struct GradientClip<K: Kernels> {
  let kernels: K
  let groups: [ParameterGroup]
  /// Largest norm of a feature tensor's gradient, and of the whole one.
  let featureLimit: Double
  let limit: Double

  /// What each group's gradient is to be multiplied by; nil if the norm is not finite.
  func coefficients(_ gradient: Gradient<K.Scalar>) -> [Double]? {
    let products = gradient.outerProducts
    // ‖g‖² of all together, each group after its own clip.
    var total = 0.0
    var coefficients = groups.map { group in
      let square = squaredNorm(gradient, products, group.range)
      let own = group.isFeature ? Self.coefficient(norm: square.squareRoot(), limit: featureLimit) : 1
      total += own * own * square
      return own
    }
    guard total.isFinite else { return nil }
    let common = Self.coefficient(norm: total.squareRoot(), limit: limit)
    for group in coefficients.indices { coefficients[group] *= common }
    return coefficients
  }

  /// What brings a gradient of norm `norm` down to `limit`.
  private static func coefficient(norm: Double, limit: Double) -> Double {
    norm > limit ? limit / (norm + 1e-8) : 1
  }

  /// ‖g‖² of the gradient of some parameters; of an outer product ‖d‖² ‖x‖².
  func squaredNorm(
    _ gradient: Gradient<K.Scalar>, _ products: [Gradient<K.Scalar>.OuterProduct], _ range: Range<Int>
  ) -> Double {
    guard let product = Gradient.OuterProduct.first(products, of: range) else {
      return kernels.squaredNorm(gradient.buffer.row(range))
    }
    return kernels.squaredNorm(product.d) * kernels.squaredNorm(product.x)
  }
}
