import CVLMKernels
import ReferenceKernels

extension Kernels {
  /// y = means of bins of the image / 255.
  @inlinable
  public func poolingForward(_ y: Matrix<Scalar>, image: Span<UInt8>, side: Int, size: Int) {
    y.require(1, size * size)
    precondition(
      image.count == side * side && size >= 1 && size <= side, "\(image.count) bytes, side \(side), size \(size)")
    run(#function) { c in
      image.withUnsafeBufferPointer { bytes in
        if let bytes = bytes.baseAddress { c.table.pointee.pooling_forward(y.floats, bytes, side, size) }
      }
    } swift: { swift in
      swift.poolingForward(y, image: image, side: side, size: size)
    }
  }
}
