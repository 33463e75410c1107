import CVLMKernels
import ReferenceKernels

extension Kernels {
  /// y = means of bins of the image / 255.
  @inlinable
  public func poolingForward(_ y: Matrix<Scalar>, image: Span<UInt8>, from: ImageSize, to: ImageSize) {
    requireBins(y, from: from, to: to)
    precondition(image.count == from.pixels, "\(image.count) bytes of \(from)")
    run(#function) { c in
      image.withUnsafeBufferPointer { bytes in
        if let bytes = bytes.baseAddress {
          c.table.pointee.pooling_forward(y.floats, bytes, from.height, from.width, to.height, to.width)
        }
      }
    } swift: { swift in
      swift.poolingForward(y, image: image, from: from, to: to)
    }
  }

  /// y = means of bins of an image of numbers.
  @inlinable
  public func poolingForward(_ y: Matrix<Scalar>, numbers: Matrix<Scalar>, from: ImageSize, to: ImageSize) {
    requireBins(y, from: from, to: to)
    numbers.require(1, from.pixels)
    run(#function) { c in
      c.table.pointee.pooling_numbers_forward(
        y.floats, numbers.floats, from.height, from.width, to.height, to.width)
    } swift: { swift in
      swift.poolingForward(y, numbers: numbers, from: from, to: to)
    }
  }

  /// No bin is empty.
  @inlinable
  func requireBins(_ y: Matrix<Scalar>, from: ImageSize, to: ImageSize) {
    precondition(
      to.height >= 1 && to.height <= from.height && to.width >= 1 && to.width <= from.width, "\(from) to \(to)")
    y.require(1, to.pixels)
  }
}
