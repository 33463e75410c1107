import CVLMKernels
import ReferenceKernels

extension Kernels {
  /// m = β1 m + (1 − β1) g;  v = β2 v + (1 − β2) g²;  p −= lr (m̂ / (√v̂ + ε) + decay p).
  @inlinable
  public func adamStep(
    _ p: Matrix<Scalar>, m: Matrix<Scalar>, v: Matrix<Scalar>, gradient: Matrix<Scalar>, settings: AdamSettings<Scalar>
  ) {
    p.require(p.rows, p.columns)
    m.require(p.rows, p.columns)
    v.require(p.rows, p.columns)
    gradient.require(p.rows, p.columns)
    run(#function) { c in
      var settings = vlm_adam_settings(settings)
      c.table.pointee.adam_step(p.floats, m.floats, v.floats, gradient.floats, p.rows * p.columns, &settings)
    } swift: { swift in
      swift.adamStep(p, m: m, v: v, gradient: gradient, settings: settings)
    }
  }

  /// The same for the gradient d xᵀ, of which only the two vectors are there.
  @inlinable
  public func adamStepOuter(
    _ p: Matrix<Scalar>, m: Matrix<Scalar>, v: Matrix<Scalar>, d: Matrix<Scalar>, x: Matrix<Scalar>,
    settings: AdamSettings<Scalar>
  ) {
    p.require(d.columns, x.columns)
    m.require(d.columns, x.columns)
    v.require(d.columns, x.columns)
    d.require(1, d.columns)
    x.require(1, x.columns)
    run(#function) { c in
      var settings = vlm_adam_settings(settings)
      c.table.pointee.adam_step_outer(
        p.floats, m.floats, v.floats, d.floats, x.floats, d.columns, x.columns, &settings)
    } swift: { swift in
      swift.adamStepOuter(p, m: m, v: v, d: d, x: x, settings: settings)
    }
  }
}

extension vlm_adam_settings {
  @inlinable
  init<Scalar: KernelScalar>(_ s: AdamSettings<Scalar>) {
    self.init(
      gradient_scale: Float(s.gradientScale), learning_rate: Float(s.learningRate), beta1: Float(s.beta1),
      beta2: Float(s.beta2), correction1: Float(s.correction1), correction2: Float(s.correction2),
      epsilon: Float(s.epsilon), weight_decay: Float(s.weightDecay))
  }
}
