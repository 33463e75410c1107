import ReferenceKernels

/// One step: the gradient is clipped, and Adam follows it; or nothing is changed, and the step says why.
struct Optimizer<K: Kernels> {
  typealias Scalar = K.Scalar

  let table: ParameterTable
  let clip: GradientClip<K>
  let adam: AdamUpdate<K>

  init(kernels: K, parallel: Parallel = .serial, recipe: Recipe, table: ParameterTable) {
    let groups = table.groups
    self.table = table
    clip = GradientClip(
      kernels: kernels, groups: groups, featureLimit: recipe.featureClip, limit: recipe.clip)
    adam = AdamUpdate(kernels: kernels, parallel: parallel, recipe: recipe, groups: groups)
  }

  /// - Parameters:
  ///   - step: counted from 0.
  ///   - threads: the result does not depend on it.
  /// - Throws: if the gradient is not finite, or p, m or v would not be after the step, with nothing changed.
  func step(_ p: Buffer<Scalar>, gradient: Gradient<Scalar>, step: Int, threads: Int = 1) throws(TrainingError) {
    guard let coefficients = clip.coefficients(gradient) else {
      throw failure(p, gradient: gradient, otherwise: "all tensors together", step: step)
    }
    let settings = adam.settings(step: step)
    if isSafe(settings) {
      adam.apply(to: p, gradient: gradient, coefficients: coefficients, settings, threads: threads)
    } else {
      try applyIfFinite(to: p, gradient: gradient, coefficients: coefficients, settings, step: step)
    }
  }

  /// sum += every one of `others`, in their order.
  func add(_ others: some Collection<Gradient<Scalar>>, to sum: Gradient<Scalar>, threads: Int) {
    guard !others.isEmpty else { return }
    adam.parallel(count: adam.pieces.count, threads: threads) { index, _ in
      let range = adam.pieces[index].range
      for other in others { adam.kernels.add(sum.buffer.row(range), other.buffer.row(range)) }
    }
  }
}

extension Optimizer {
  /// Whether no step with this recipe can take finite numbers to infinity.
  ///
  /// |m| ≤ clip, so a step is at most rate correction1 clip / ε. Less than half the last place of the greatest number
  /// leaves even that one finite; and so does decay that does not overshoot 0. v ≤ clip².
  private func isSafe(_ settings: AdamSettings<Scalar>) -> Bool {
    let greatest = Scalar.greatestFiniteMagnitude
    let limit = Scalar(clip.limit)
    return settings.learningRate * settings.correction1 * limit / settings.epsilon < greatest.ulp / 4
      && settings.learningRate * settings.weightDecay <= 1 && limit * limit * settings.correction2 < greatest / 4
  }

  /// Takes the step, and takes it back if p, m or v have got too large. Only for recipes so extreme that it may happen:
  /// the copies cost as much as the step.
  private func applyIfFinite(
    to p: Buffer<Scalar>, gradient: Gradient<Scalar>, coefficients: [Double], _ settings: AdamSettings<Scalar>,
    step: Int
  ) throws(TrainingError) {
    let buffers = [p, adam.m, adam.v]
    let before = buffers.map { $0.values }
    adam.apply(to: p, gradient: gradient, coefficients: coefficients, settings, threads: 1)
    guard let tensor = buffers.lazy.compactMap(notFiniteTensor).first else { return }
    for (buffer, values) in zip(buffers, before) {
      for (index, value) in values.enumerated() { buffer.all[0, index] = value }
    }
    throw .stepTooLarge(tensor: tensor, step: step)
  }

  /// Why the loss or the gradient is not finite: a parameter that is not, or else what came of the parameters.
  func failure(
    _ p: Buffer<Scalar>, gradient: Gradient<Scalar>, otherwise: String, step: Int
  ) -> TrainingError {
    if let tensor = notFiniteTensor(p) { return .parameterNotFinite(tensor: tensor, step: step) }
    return .notFinite(tensor: notFinite(gradient) ?? otherwise, step: step)
  }

  /// The tensor, of those whose gradient has no finite norm, that is nearest to the loss: backward spreads a NaN from
  /// there to all tensors before it.
  private func notFinite(_ gradient: Gradient<Scalar>) -> String? {
    let products = gradient.outerProducts
    return table.entries.last { !clip.squaredNorm(gradient, products, $0.range).isFinite }?.name
  }

  /// The first tensor with an element that is NaN or infinite.
  private func notFiniteTensor(_ buffer: Buffer<Scalar>) -> String? {
    let values = buffer.values
    return table.entries.first { entry in !values[entry.range].allSatisfy { $0.isFinite } }?.name
  }
}
