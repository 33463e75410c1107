import CVLMKernels
import ReferenceKernels

extension Kernels {
  /// y = the image / 255, moved by what draw `draw` of `seed` says.
  @inlinable
  public func augmentationForward(
    _ y: Matrix<Scalar>, image: Span<UInt8>, size: ImageSize, strength: AugmentationStrength, seed: UInt64,
    draw: UInt64, scratch: Matrix<Scalar>
  ) {
    y.require(1, size.pixels)
    precondition(
      size.height >= 1 && size.width >= 1 && (size.height + 2) * (size.width + 2) <= 1 << 24
        && image.count == size.pixels, "\(image.count) bytes of \(size)")
    scratch.require(1, size.augmentationScratch)
    run(#function) { c in
      var settings = vlm_augmentation(
        rotation: strength.rotation, shift: strength.shift, zoom: strength.zoom, shear: strength.shear,
        elastic: strength.elastic)
      image.withUnsafeBufferPointer { bytes in
        if let bytes = bytes.baseAddress {
          c.table.pointee.augmentation_forward(
            y.floats, bytes, size.height, size.width, &settings, seed, draw, scratch.floats)
        }
      }
    } swift: { swift in
      swift.augmentationForward(
        y, image: image, size: size, strength: strength, seed: seed, draw: draw, scratch: scratch)
    }
  }
}
