import ReferenceKernels

/// From the bytes of images of one size to the model's input x:
///
///     m_0 = pixels in 0...1, augmented if they are to be learnt from, pooled to the size that the model sees
///     m_i = (left m_{i-1}) ⊙ (right m_{i-1}) at every place          local stages, each of twice the degree
///     x   = unit(m_last)
public struct ImageInput: Sendable, Equatable {
  /// Of the images.
  public let size: ImageSize
  /// Of m_0.
  public let pooled: ImageSize
  /// The local stages, which learn.
  public let shapes: [LocalShape]

  /// That of a model for images of this size.
  /// - Throws: `ConfigurationError` where a bin would be empty.
  public init(of images: ImageSize, _ configuration: ModelConfiguration) throws(ConfigurationError) {
    try self.init(of: images, pooled: configuration.imageSize, shapes: configuration.localShapes)
  }

  init(of images: ImageSize, pooled: ImageSize, shapes: [LocalShape] = []) throws(ConfigurationError) {
    guard (1...images.height).contains(pooled.height), (1...images.width).contains(pooled.width) else {
      throw ConfigurationError("image size", value: pooled, rule: "1 x 1 to \(images), the size of the images")
    }
    (size, self.pooled, self.shapes) = (images, pooled, shapes)
  }

  /// An image that is learnt from, moved and bent in a way that only (seed, number) decide.
  struct Draw {
    /// Its index.
    let image: Int
    /// Images that the training took before it.
    let number: UInt64
  }

  /// What forward keeps for backward, for B images.
  struct Activations<Scalar: KernelScalar> {
    /// One local stage: its map m_{i-1}, and left and right of it at every place.
    struct Stage {
      let map: Matrix<Scalar>
      let factors: Matrix<Scalar>
    }

    var stages: [Stage] = []
    /// unit(m_last): (B, P).
    let x: Matrix<Scalar>
    /// |m_last|: (B, 1).
    let norm: Matrix<Scalar>
  }

  /// Overwrites `x` (B, P) with the inputs made of the images `indices`.
  /// - Parameter weights: of each stage left above right.
  @inline(__always)
  func forward<K: Kernels>(
    _ kernels: K, _ images: LabelledImages, _ indices: some Collection<Int>, weights: [Matrix<K.Scalar>],
    into x: Matrix<K.Scalar>, _ arena: inout Arena<K.Scalar>
  ) -> Activations<K.Scalar> {
    let pixels = pixels(x, &arena)
    for (row, index) in indices.enumerated() {
      let image = images.images.span.extracting(bytes(of: index, images))
      kernels.poolingForward(pixels.rows(row..<row + 1), image: image, from: size, to: pooled)
    }
    return forward(kernels, pixels: pixels, weights: weights, into: x, &arena)
  }

  /// The same of augmented images.
  @inline(__always)
  func forward<K: Kernels>(
    _ kernels: K, _ images: LabelledImages, _ draws: some Collection<Draw>, _ strength: AugmentationStrength,
    seed: UInt32, weights: [Matrix<K.Scalar>], into x: Matrix<K.Scalar>, _ arena: inout Arena<K.Scalar>
  ) -> Activations<K.Scalar> {
    guard !strength.isIdentity else {
      return forward(kernels, images, draws.lazy.map { $0.image }, weights: weights, into: x, &arena)
    }
    let pixels = pixels(x, &arena)
    let scratch = arena.matrix(1, size.augmentationScratch)
    let moved = size == pooled ? nil : arena.matrix(1, size.pixels)
    for (row, draw) in draws.enumerated() {
      let target = pixels.rows(row..<row + 1)
      let image = images.images.span.extracting(bytes(of: draw.image, images))
      kernels.augmentationForward(
        moved ?? target, image: image, size: size, strength: strength, seed: UInt64(seed), draw: draw.number,
        scratch: scratch)
      if let moved { kernels.poolingForward(target, numbers: moved, from: size, to: pooled) }
    }
    return forward(kernels, pixels: pixels, weights: weights, into: x, &arena)
  }

  /// Room for m_0, which without stages is where x will be.
  private func pixels<Scalar>(_ x: Matrix<Scalar>, _ arena: inout Arena<Scalar>) -> Matrix<Scalar> {
    shapes.isEmpty ? x : arena.matrix(x.rows, pooled.pixels)
  }

  /// Where the bytes of image `index` are.
  private func bytes(of index: Int, _ images: LabelledImages) -> Range<Int> {
    precondition(images.size == size, "images of \(images.size), expected \(size)")
    precondition(index >= 0 && index < images.count, "image \(index) of \(images.count)")
    return index * size.pixels..<(index + 1) * size.pixels
  }

  /// From m_0 (B, pixels) on; `x` may be m_0 if there are no stages.
  func forward<K: Kernels>(
    _ kernels: K, pixels: Matrix<K.Scalar>, weights: [Matrix<K.Scalar>], into x: Matrix<K.Scalar>,
    _ arena: inout Arena<K.Scalar>
  ) -> Activations<K.Scalar> {
    let B = x.rows
    var a = Activations(x: x, norm: arena.matrix(B, 1))
    var map = pixels
    for (shape, w) in zip(shapes, weights) {
      let stage = Activations<K.Scalar>.Stage(map: map, factors: arena.matrix(B * shape.places, 2 * shape.outputs))
      map = arena.matrix(B, shape.outputValues)
      kernels.localProductForward(
        map, factors: stage.factors, scratch: arena.matrix(1, shape.forwardScratch), x: stage.map, w: w, shape: shape)
      a.stages.append(stage)
    }
    kernels.unitNormForward(x, norm: a.norm, x: map)
    return a
  }

  /// Writes the gradient of every stage's weights, or adds it with `accumulate`, from dx (B, P), which is overwritten with
  /// the gradient by m_last. Bytes have no gradient.
  func backward<K: Kernels>(
    _ kernels: K, dweights: [Matrix<K.Scalar>], dx: Matrix<K.Scalar>, activations a: Activations<K.Scalar>,
    weights: [Matrix<K.Scalar>], accumulate: Bool, _ arena: inout Arena<K.Scalar>
  ) {
    kernels.unitNormBackward(dx, dy: dx, y: a.x, norm: a.norm, gradient: .exact)
    var dy = dx
    for index in shapes.indices.reversed() {
      let (shape, stage) = (shapes[index], a.stages[index])
      let dmap = index > 0 ? arena.matrix(dx.rows, shape.inputs) : nil
      kernels.localProductBackward(
        dw: dweights[index], dx: dmap, scratch: arena.matrix(1, shape.backwardScratch), dy: dy,
        factors: stage.factors, x: stage.map, w: weights[index], shape: shape, accumulate: accumulate)
      if let dmap { dy = dmap }
    }
  }
}
