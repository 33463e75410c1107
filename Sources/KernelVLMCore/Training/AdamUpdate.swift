import CVLMKernels
import ReferenceKernels

/// Adam (Kingma & Ba 2015) with decoupled weight decay (Loshchilov & Hutter 2019), over all parameters.
struct AdamUpdate<K: Kernels> {
  typealias Scalar = K.Scalar

  /// What a thread takes at a time, of one group.
  struct Piece {
    let range: Range<Int>
    let group: Int
  }

  let kernels: K
  let parallel: Parallel
  let recipe: Recipe
  /// The first and second moments, laid out as the parameters are.
  let m: Buffer<Scalar>
  let v: Buffer<Scalar>
  /// All parameters, cut where no bit depends on it. Threads take them in turn, so each always has the same ones, in its
  /// own cache.
  let pieces: [Piece]
  /// All parameters, one piece of each group: for a single thread, which has nothing to share, and for outer products,
  /// which come in whole rows.
  private let wholes: [Piece]

  /// A multiple of what C takes at once, two vectors of up to 16, so that cuts never change bits.
  private static var pieceSize: Int { 2048 }

  init(kernels: K, parallel: Parallel, recipe: Recipe, groups: [ParameterGroup]) {
    self.kernels = kernels
    self.parallel = parallel
    self.recipe = recipe
    let count = groups.last?.range.upperBound ?? 0
    m = Buffer(count: count)
    v = Buffer(count: count)
    pieces = groups.enumerated().flatMap { index, group in
      stride(from: group.range.lowerBound, to: group.range.upperBound, by: Self.pieceSize).map {
        Piece(range: $0..<min($0 + Self.pieceSize, group.range.upperBound), group: index)
      }
    }
    wholes = groups.enumerated().map { index, group in Piece(range: group.range, group: index) }
  }

  /// What the kernel needs at step `step`, counted from 0.
  func settings(step: Int) -> AdamSettings<Scalar> {
    AdamSettings(
      gradientScale: 1, learningRate: Scalar(recipe.learningRate(at: step)),
      beta1: Scalar(recipe.beta1), beta2: Scalar(recipe.beta2),
      correction1: Scalar(1 / (1 - vlm_power(recipe.beta1, UInt64(step + 1)))),
      correction2: Scalar(1 / (1 - vlm_power(recipe.beta2, UInt64(step + 1)))), epsilon: Scalar(recipe.epsilon),
      weightDecay: Scalar(recipe.weightDecay))
  }

  /// m and v follow the gradient, and p goes against m / √v.
  /// - Parameters:
  ///   - coefficients: what the gradient of each group is multiplied by.
  ///   - threads: the result does not depend on it.
  func apply(
    to p: Buffer<Scalar>, gradient: Gradient<Scalar>, coefficients: [Double], _ settings: AdamSettings<Scalar>,
    threads: Int
  ) {
    let products = gradient.outerProducts
    let pieces = threads > 1 && products.isEmpty ? pieces : wholes
    parallel(count: pieces.count, threads: threads) { index, _ in
      let piece = pieces[index]
      var settings = settings
      settings.gradientScale = Scalar(coefficients[piece.group])
      if let product = Gradient.OuterProduct.first(products, of: piece.range) {
        let (at, rows, columns) = (piece.range.lowerBound, product.d.columns, product.x.columns)
        kernels.adamStepOuter(
          p.matrix(at: at, rows: rows, columns: columns), m: m.matrix(at: at, rows: rows, columns: columns),
          v: v.matrix(at: at, rows: rows, columns: columns), d: product.d, x: product.x, settings: settings)
      } else {
        kernels.adamStep(
          p.row(piece.range), m: m.row(piece.range), v: v.row(piece.range), gradient: gradient.buffer.row(piece.range),
          settings: settings)
      }
    }
  }
}
