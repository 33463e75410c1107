import CVLMKernels
import ReferenceKernels

extension Kernels {
  /// y = (left window) ⊙ (right window) at every place of each map.
  ///
  /// scratch: a row of `shape.forwardScratch` scalars.
  @inlinable
  public func localProductForward(
    _ y: Matrix<Scalar>, factors: Matrix<Scalar>, scratch: Matrix<Scalar>, x: Matrix<Scalar>, w: Matrix<Scalar>,
    shape: LocalShape
  ) {
    let n = x.rows
    shape.requireSizes()
    y.require(n, shape.outputValues)
    factors.require(n * shape.places, 2 * shape.outputs)
    scratch.require(1, shape.forwardScratch)
    x.require(n, shape.inputs)
    w.require(2 * shape.outputs, shape.window)
    run(#function) { c in
      var sizes = vlm_local_shape(shape)
      c.table.pointee.local_product_forward(
        y.floats, factors.floats, scratch.floats, x.floats, w.floats, n, &sizes)
    } swift: { swift in
      swift.localProductForward(y, factors: factors, x: x, w: w, shape: shape)
    }
  }

  /// d(left window) = dy ⊙ (right window) and the other way round, and from there dw and dx.
  ///
  /// scratch: a row of `shape.backwardScratch` scalars.
  @inlinable
  public func localProductBackward(
    dw: Matrix<Scalar>?, dx: Matrix<Scalar>?, scratch: Matrix<Scalar>, dy: Matrix<Scalar>, factors: Matrix<Scalar>,
    x: Matrix<Scalar>, w: Matrix<Scalar>, shape: LocalShape, accumulate: Bool
  ) {
    let n = x.rows
    shape.requireSizes()
    dw?.require(2 * shape.outputs, shape.window)
    dx?.require(n, shape.inputs)
    scratch.require(1, shape.backwardScratch)
    dy.require(n, shape.outputValues)
    factors.require(n * shape.places, 2 * shape.outputs)
    x.require(n, shape.inputs)
    w.require(2 * shape.outputs, shape.window)
    run(#function) { c in
      var sizes = vlm_local_shape(shape)
      c.table.pointee.local_product_backward(
        dw?.floats, dx?.floats, scratch.floats, dy.floats, factors.floats, x.floats, w.floats, n, &sizes,
        accumulate.flag)
    } swift: { swift in
      swift.localProductBackward(
        dw: dw, dx: dx, dy: dy, factors: factors, x: x, w: w, shape: shape, accumulate: accumulate)
    }
  }
}

extension LocalShape {
  /// The scalars of forward's scratch: the weights with their rows in the place of columns, a multiple of 32 of them,
  /// and a map with its padding, if there is some.
  @inlinable
  public var forwardScratch: Int {
    let padded = (height + 2 * padding) * (width + 2 * padding) * channels
    return (2 * outputs + 31) / 32 * 32 * window + (padding > 0 ? padded : 0)
  }

  /// Those of backward's: the same for the gradient of the weights, and the gradient of six maps' factors.
  @inlinable
  public var backwardScratch: Int { forwardScratch + 12 * outputValues }

  @inlinable
  func requireSizes() {
    precondition(
      height >= 0 && width >= 0 && channels >= 0 && kernel >= 1 && stride >= 1 && padding >= 0 && outputs >= 0,
      "no windows: \(self)")
  }
}

extension vlm_local_shape {
  @inlinable
  init(_ shape: LocalShape) {
    self.init(
      height: shape.height, width: shape.width, channels: shape.channels, kernel: shape.kernel, stride: shape.stride,
      padding: shape.padding, outputs: shape.outputs)
  }
}
