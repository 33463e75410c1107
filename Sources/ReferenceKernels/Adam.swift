/// What one Adam step needs besides its four buffers (Kingma & Ba 2015; decoupled decay of Loshchilov & Hutter 2019).
public struct AdamSettings<Scalar: KernelScalar>: Sendable {
  /// Multiplies the gradient before anything else: the product of the clips.
  public var gradientScale: Scalar
  /// Of this step.
  public var learningRate: Scalar
  /// Decay of the mean gradient m.
  public var beta1: Scalar
  /// Decay of the mean squared gradient v.
  public var beta2: Scalar
  /// 1 / (1 − beta1ᵗ) at step t = 1, 2, …
  public var correction1: Scalar
  /// 1 / (1 − beta2ᵗ).
  public var correction2: Scalar
  /// Added to √v̂.
  public var epsilon: Scalar
  /// The share of a parameter that a step takes from it, per unit of the learning rate.
  public var weightDecay: Scalar

  /// All of them, as documented beside each.
  @inlinable
  public init(
    gradientScale: Scalar, learningRate: Scalar, beta1: Scalar, beta2: Scalar, correction1: Scalar, correction2: Scalar,
    epsilon: Scalar, weightDecay: Scalar
  ) {
    self.gradientScale = gradientScale
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.correction1 = correction1
    self.correction2 = correction2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
  }
}

extension Reference {
  /// m = β1 m + (1 − β1) g;  v = β2 v + (1 − β2) g²;  p −= lr (m̂ / (√v̂ + ε) + decay p),
  /// with g the scaled gradient, m̂ = correction1 m and v̂ = correction2 v.  p, m, v, gradient: the same shape.
  @inlinable
  public func adamStep(
    _ p: Matrix<Scalar>, m: Matrix<Scalar>, v: Matrix<Scalar>, gradient: Matrix<Scalar>,
    settings: AdamSettings<Scalar>
  ) {
    for i in 0..<p.rows {
      for j in 0..<p.columns {
        adamStep(&p[i, j], m: &m[i, j], v: &v[i, j], settings.gradientScale * gradient[i, j], settings)
      }
    }
  }

  /// The same for the gradient d xᵀ, of which only the two vectors are there.
  ///
  /// p, m, v (m, k); d (1, m); x (1, k).
  @inlinable
  public func adamStepOuter(
    _ p: Matrix<Scalar>, m: Matrix<Scalar>, v: Matrix<Scalar>, d: Matrix<Scalar>, x: Matrix<Scalar>,
    settings: AdamSettings<Scalar>
  ) {
    for i in 0..<p.rows {
      for j in 0..<p.columns {
        adamStep(&p[i, j], m: &m[i, j], v: &v[i, j], settings.gradientScale * d[0, i] * x[0, j], settings)
      }
    }
  }

  /// One parameter, with the scaled gradient g.
  @inlinable
  func adamStep(_ p: inout Scalar, m: inout Scalar, v: inout Scalar, _ g: Scalar, _ s: AdamSettings<Scalar>) {
    m = s.beta1 * m + (1 - s.beta1) * g
    v = s.beta2 * v + (1 - s.beta2) * g * g
    let step = s.correction1 * m / ((s.correction2 * v).squareRoot() + s.epsilon)
    p -= s.learningRate * (step + s.weightDecay * p)
  }
}
