import Foundation
import ReferenceKernels

/// Adam after two clips: each feature tensor's gradient to its own largest norm, then all of them together.
struct Optimizer<K: Kernels> {
  typealias Scalar = K.Scalar

  /// Neighbouring parameters that are clipped together.
  private struct Group {
    let range: Range<Int>
    let isFeature: Bool
  }

  /// What a thread takes at a time, of one group.
  private struct Piece {
    let range: Range<Int>
    let group: Int
  }

  let kernels: K
  let recipe: Recipe
  let table: ParameterTable
  /// Adam's first and second moments.
  let m: Buffer<Scalar>
  let v: Buffer<Scalar>
  private let groups: [Group]
  /// All parameters, cut where no bit depends on it. Threads take them in turn, so each always has the same ones, in its
  /// own cache.
  private let pieces: [Piece]
  /// All parameters, one piece of each group: for a single thread, which has nothing to share, and for outer products,
  /// which come in whole rows.
  private let wholes: [Piece]

  init(kernels: K, recipe: Recipe, table: ParameterTable) {
    self.kernels = kernels
    self.recipe = recipe
    self.table = table
    m = Buffer(count: table.count)
    v = Buffer(count: table.count)
    let features = table.entries.filter(\.isFeature).map { Group(range: $0.range, isFeature: true) }
    let rest = Group(range: (features.last?.range.upperBound ?? 0)..<table.count, isFeature: false)
    groups = features + [rest]
    pieces = groups.enumerated().flatMap { index, group in
      stride(from: group.range.lowerBound, to: group.range.upperBound, by: Self.pieceSize).map {
        Piece(range: $0..<min($0 + Self.pieceSize, group.range.upperBound), group: index)
      }
    }
    wholes = groups.enumerated().map { index, group in Piece(range: group.range, group: index) }
  }

  /// A multiple of what C takes at once, two vectors of up to 16: what rounds otherwise at the end of a group does so
  /// there alone.
  private static var pieceSize: Int { 2048 }

  /// One step, counted from 0: the gradient is clipped, m and v follow it, and p goes against m / √v.
  /// - Parameter threads: the result does not depend on it.
  /// - Throws: if the gradient is not finite, or p, m or v would not be after the step, with nothing changed.
  func step(_ p: Buffer<Scalar>, gradient: Gradient<Scalar>, step: Int, threads: Int = 1) throws(TrainingError) {
    let products = gradient.outerProducts
    // ‖g‖² of all together, each group after its own clip.
    var total = 0.0
    var scales = groups.map { group in
      let square = squaredNorm(gradient, products, group.range)
      let clip = group.isFeature ? Self.scale(norm: square.squareRoot(), limit: recipe.featureClip) : 1
      total += clip * clip * square
      return clip
    }
    guard total.isFinite else {
      throw failure(p, gradient: gradient, otherwise: "all tensors together", step: step)
    }
    let scale = Self.scale(norm: total.squareRoot(), limit: recipe.clip)
    for group in scales.indices { scales[group] *= scale }
    let settings = settings(step: step)
    if isSafe(settings) {
      move(p, gradient: gradient, scales, settings, threads: threads)
    } else {
      try moveIfFinite(p, gradient: gradient, scales, settings, step: step)
    }
  }

  private func move(
    _ p: Buffer<Scalar>, gradient: Gradient<Scalar>, _ scales: [Double], _ settings: AdamSettings<Scalar>,
    threads: Int = 1
  ) {
    let products = gradient.outerProducts
    let pieces = threads > 1 && products.isEmpty ? pieces : wholes
    kernels.parallel(count: pieces.count, threads: threads) { index, _ in
      let piece = pieces[index]
      var settings = settings
      settings.gradientScale = Scalar(scales[piece.group])
      if let product = Gradient.OuterProduct.first(products, of: piece.range) {
        let (at, rows, columns) = (piece.range.lowerBound, product.d.columns, product.x.columns)
        kernels.adamStepOuter(
          p.matrix(at: at, rows: rows, columns: columns), m: m.matrix(at: at, rows: rows, columns: columns),
          v: v.matrix(at: at, rows: rows, columns: columns), d: product.d, x: product.x, settings: settings)
      } else {
        kernels.adamStep(
          slice(p, piece.range), m: slice(m, piece.range), v: slice(v, piece.range),
          gradient: slice(gradient.buffer, piece.range), settings: settings)
      }
    }
  }

  /// sum += every one of `others`, in their order.
  func add(_ others: some Collection<Gradient<Scalar>>, to sum: Gradient<Scalar>, threads: Int) {
    guard !others.isEmpty else { return }
    kernels.parallel(count: pieces.count, threads: threads) { index, _ in
      let range = pieces[index].range
      for other in others { kernels.add(slice(sum.buffer, range), slice(other.buffer, range)) }
    }
  }

  /// Whether no step with this recipe can take finite numbers to infinity.
  ///
  /// |m| ≤ clip, so a step is at most rate correction1 clip / ε. Less than half the last place of the greatest number
  /// leaves even that one finite; and so does decay that does not overshoot 0. v ≤ clip².
  private func isSafe(_ settings: AdamSettings<Scalar>) -> Bool {
    let greatest = Scalar.greatestFiniteMagnitude
    let clip = Scalar(recipe.clip)
    return settings.learningRate * settings.correction1 * clip / settings.epsilon < greatest.ulp / 4
      && settings.learningRate * settings.weightDecay <= 1 && clip * clip * settings.correction2 < greatest / 4
  }

  /// Takes the step, and takes it back if p, m or v have got too large. Only for recipes so extreme that it may happen:
  /// the copies cost as much as the step.
  private func moveIfFinite(
    _ p: Buffer<Scalar>, gradient: Gradient<Scalar>, _ scales: [Double],
    _ settings: AdamSettings<Scalar>, step: Int
  ) throws(TrainingError) {
    let buffers = [p, m, v]
    let before = buffers.map(\.values)
    move(p, gradient: gradient, scales, settings)
    guard let tensor = buffers.lazy.compactMap(notFiniteTensor).first else { return }
    for (buffer, values) in zip(buffers, before) {
      for (index, value) in values.enumerated() { buffer.all[0, index] = value }
    }
    throw .stepTooLarge(tensor: tensor, step: step)
  }

  /// What brings a gradient of norm `norm` down to `limit`.
  private static func scale(norm: Double, limit: Double) -> Double { norm > limit ? limit / (norm + 1e-8) : 1 }

  private func settings(step: Int) -> AdamSettings<Scalar> {
    AdamSettings(
      gradientScale: 1, learningRate: Scalar(recipe.learningRate(at: step)),
      beta1: Scalar(recipe.beta1), beta2: Scalar(recipe.beta2),
      correction1: Scalar(1 / (1 - pow(recipe.beta1, Double(step + 1)))),
      correction2: Scalar(1 / (1 - pow(recipe.beta2, Double(step + 1)))), epsilon: Scalar(recipe.epsilon),
      weightDecay: Scalar(recipe.weightDecay))
  }

  private func slice(_ buffer: Buffer<Scalar>, _ range: Range<Int>) -> Matrix<Scalar> {
    buffer.matrix(at: range.lowerBound, rows: 1, columns: range.count)
  }

  /// ‖g‖² of the gradient of some parameters; of an outer product ‖d‖² ‖x‖².
  private func squaredNorm(
    _ gradient: Gradient<Scalar>, _ products: [Gradient<Scalar>.OuterProduct], _ range: Range<Int>
  ) -> Double {
    guard let product = Gradient.OuterProduct.first(products, of: range) else {
      return kernels.squaredNorm(slice(gradient.buffer, range))
    }
    return kernels.squaredNorm(product.d) * kernels.squaredNorm(product.x)
  }

  /// The tensor, of those whose gradient has no finite norm, that is nearest to the loss: backward spreads a NaN from
  /// there to all tensors before it.
  private func notFinite(_ gradient: Gradient<Scalar>) -> String? {
    let products = gradient.outerProducts
    return table.entries.last { !squaredNorm(gradient, products, $0.range).isFinite }?.name
  }

  /// The first tensor with an element that is NaN or infinite.
  private func notFiniteTensor(_ buffer: Buffer<Scalar>) -> String? {
    let values = buffer.values
    return table.entries.first { !values[$0.range].allSatisfy(\.isFinite) }?.name
  }

  /// Why the loss or the gradient is not finite: a parameter that is not, or else what came of the parameters.
  func failure(
    _ p: Buffer<Scalar>, gradient: Gradient<Scalar>, otherwise: String, step: Int
  ) -> TrainingError {
    if let tensor = notFiniteTensor(p) { return .parameterNotFinite(tensor: tensor, step: step) }
    return .notFinite(tensor: notFinite(gradient) ?? otherwise, step: step)
  }
}

/// Why a training cannot go on.
public enum TrainingError: Error, Equatable, CustomStringConvertible {
  /// The gradient of a tensor is NaN or infinite, or the loss alone is (`tensor` is "loss"). The parameters are those
  /// before the step, which is counted from 0.
  case notFinite(tensor: String, step: Int)
  /// An element of a parameter is NaN or infinite already.
  case parameterNotFinite(tensor: String, step: Int)
  /// The step would have made an element of a parameter, or of one of its moments, NaN or infinite.
  case stepTooLarge(tensor: String, step: Int)

  public var description: String {
    switch self {
    case .notFinite(let tensor, let step):
      let what = tensor == "loss" ? "the loss" : "the gradient of \(tensor)"
      return "\(what) is not finite at step \(step + 1); the parameters are those before it"
    case .parameterNotFinite(let tensor, let step):
      return "the parameter \(tensor) is not finite at step \(step + 1)"
    case .stepTooLarge(let tensor, let step):
      return "\(tensor) would not be finite after step \(step + 1); the parameters are those before it"
    }
  }
}
