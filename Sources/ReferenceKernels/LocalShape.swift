/// A map, the windows over it and what each of them becomes.
///
/// A map has `height` x `width` places with `channels` numbers each, channel fastest. The window at output place (a, b)
/// is the part of `kernel` rows and columns whose top left corner is (stride a - padding, stride b - padding); what of
/// it lies outside the map is 0. Its numbers are ordered (row, column, channel), channel fastest.
public struct LocalShape: Equatable, Sendable {
  /// Rows of the map.
  public var height: Int
  /// Columns of the map.
  public var width: Int
  /// Numbers at each place of the map.
  public var channels: Int
  /// Rows and columns of a window, at least 1.
  public var kernel: Int
  /// From one window to the next, at least 1.
  public var stride: Int
  /// Rows and columns of zeros on every side of the map.
  public var padding: Int
  /// Numbers at each output place.
  public var outputs: Int

  /// Whatever the numbers are: the operations say which ones they take.
  @inlinable
  public init(height: Int, width: Int, channels: Int, kernel: Int, stride: Int, padding: Int, outputs: Int) {
    self.height = height
    self.width = width
    self.channels = channels
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
    self.outputs = outputs
  }

  /// Rows of output places; 0 if the window is larger than the map between its zeros.
  @inlinable
  public var outputHeight: Int { outputs(along: height) }

  /// Columns of output places.
  @inlinable
  public var outputWidth: Int { outputs(along: width) }

  @inlinable
  func outputs(along side: Int) -> Int {
    let room = side + 2 * padding - kernel
    return room < 0 ? 0 : room / stride + 1
  }

  /// Output places.
  @inlinable
  public var places: Int { outputHeight * outputWidth }

  /// Numbers of a window.
  @inlinable
  public var window: Int { kernel * kernel * channels }

  /// Numbers of a map.
  @inlinable
  public var inputs: Int { height * width * channels }

  /// Numbers of an output.
  @inlinable
  public var outputValues: Int { places * outputs }

  /// Where the numbers of the window at output place `place` stand in the map, in the window's order; nil outside it.
  @inlinable
  func window(at place: Int) -> [Int?] {
    let top = stride * (place / outputWidth) - padding
    let left = stride * (place % outputWidth) - padding
    return (0..<window).map { entry in
      let row = top + entry / (kernel * channels)
      let column = left + entry / channels % kernel
      let isInside = row >= 0 && row < height && column >= 0 && column < width
      return isInside ? (row * width + column) * channels + entry % channels : nil
    }
  }
}
