import ReferenceKernels

/// From the bytes of images of one size to the model's input x, stage by stage.
public struct ImageInput: Sendable, Equatable {
  /// One step from bytes to x.
  public enum Stage: Sendable, Equatable {
    /// The means of `size` × `size` bins, in 0...1 (see `poolingForward`). First of all stages: it takes bytes.
    case pool(size: Int)
    /// x / (|x| + 1e-8), image by image (see `unitNormForward`).
    case unit
  }

  /// Pixels along an edge of an image.
  public let side: Int
  /// In their order.
  public let stages: [Stage]

  /// The stages of a model for images of side `side`: pool, then unit.
  /// - Throws: `ConfigurationError` where a bin would be empty.
  public init(side: Int, size: Int) throws(ConfigurationError) {
    guard size >= 1 && size <= side else {
      throw ConfigurationError("image size", value: size, rule: "1 to \(side), the side of the images")
    }
    self.side = side
    stages = [.pool(size: size), .unit]
  }

  /// What forward keeps for backward, for B images.
  struct Activations<Scalar: KernelScalar> {
    /// What the last stage gives: (B, P).
    let x: Matrix<Scalar>
    /// |x| before the unit stage: (B, 1).
    let norm: Matrix<Scalar>
  }

  /// Overwrites `x` (B, P) with the inputs made of the images `indices`.
  @inline(__always)
  func forward<K: Kernels>(
    _ kernels: K, _ images: LabelledImages, _ indices: some Collection<Int>, into x: Matrix<K.Scalar>,
    _ arena: inout Arena<K.Scalar>
  ) -> Activations<K.Scalar> {
    precondition(images.size == ImageSize(side, side), "images of \(images.size), expected side \(side)")
    let activations = Activations(x: x, norm: arena.matrix(x.rows, 1))
    for stage in stages {
      switch stage {
      case .pool(let size):
        for (row, index) in indices.enumerated() {
          precondition(index >= 0 && index < images.count, "image \(index) of \(images.count)")
          let image = images.images.span.extracting(index * side * side..<(index + 1) * side * side)
          kernels.poolingForward(
            x.rows(row..<row + 1), image: image, from: ImageSize(side, side), to: ImageSize(size, size))
        }
      case .unit:
        kernels.unitNormForward(x, norm: activations.norm, x: x)
      }
    }
    return activations
  }

  /// From dx (B, P), the gradient by the input, back through the stages, for a stage that learns: dx becomes the gradient by
  /// what pooling gives. Bytes have no gradient.
  func backward<K: Kernels>(
    _ kernels: K, dx: Matrix<K.Scalar>, activations: Activations<K.Scalar>, gradient: GradientKind
  ) {
    for stage in stages.reversed() {
      switch stage {
      case .pool: break
      case .unit:
        kernels.unitNormBackward(dx, dy: dx, y: activations.x, norm: activations.norm, gradient: gradient)
      }
    }
  }
}

extension LabelledImages {
  /// Pixels along an edge of square images.
  /// - Throws: `ConfigurationError` for others.
  func side() throws(ConfigurationError) -> Int {
    guard size.height == size.width else {
      throw ConfigurationError("size of the images", value: size, rule: "as many rows as columns")
    }
    return size.height
  }
}
