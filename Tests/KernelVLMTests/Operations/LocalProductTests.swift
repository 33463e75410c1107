import ReferenceKernels
import Testing

@testable import KernelVLMCore

/// Forward, and backward by given factors.
struct LocalProductCase: Operation {
  let n: Int
  let shape: LocalShape
  var accumulate = false
  var weightGradient = true
  var inputGradient = true
  /// Backward by the factors that forward kept.
  var chained = false

  init(
    _ n: Int, _ height: Int, _ width: Int, _ channels: Int, kernel: Int, stride: Int, padding: Int = 0, outputs: Int
  ) {
    self.n = n
    shape = LocalShape(
      height: height, width: width, channels: channels, kernel: kernel, stride: stride, padding: padding,
      outputs: outputs)
  }

  func with(accumulate: Bool = false, dw: Bool = true, dx: Bool = true, chained: Bool = false) -> LocalProductCase {
    var other = self
    (other.accumulate, other.weightGradient, other.inputGradient, other.chained) = (accumulate, dw, dx, chained)
    return other
  }

  func run<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) {
    let (C, rows) = (shape.outputs, n * shape.places)
    let x = bench.input("x", n, shape.inputs)
    let w = bench.input("w", 2 * C, shape.window)
    let kept = bench.output("factors", rows, 2 * C)
    kernels.localProductForward(
      bench.output("y", n, shape.outputValues), factors: kept,
      scratch: bench.scratch("scratch", 1, shape.forwardScratch), x: x, w: w, shape: shape)
    kernels.localProductBackward(
      dw: weightGradient ? bench.output("dw", 2 * C, shape.window, adds: accumulate) : nil,
      dx: inputGradient ? bench.output("dx", n, shape.inputs) : nil,
      scratch: bench.scratch("backward scratch", 1, shape.backwardScratch),
      dy: bench.input("dy", n, shape.outputValues), factors: chained ? kept : bench.input("given factors", rows, 2 * C),
      x: x, w: w, shape: shape, accumulate: accumulate)
  }
}

@Suite struct LocalProductTests {
  /// The models' stages: of 28 x 28 pixels, and of the maps that these become.
  static let stages = [
    LocalProductCase(2, 28, 28, 1, kernel: 5, stride: 3, outputs: 8),
    LocalProductCase(3, 8, 8, 8, kernel: 4, stride: 2, outputs: 16),
    LocalProductCase(1, 28, 28, 1, kernel: 5, stride: 2, outputs: 8),
    LocalProductCase(2, 12, 12, 8, kernel: 4, stride: 2, outputs: 16),
    LocalProductCase(2, 8, 8, 8, kernel: 4, stride: 2, outputs: 12),
  ]

  /// Single pixels, whole maps, gaps between windows, places that no window reaches, windows in the padding alone.
  static let odd: [LocalProductCase] = [1, 3, 17].flatMap { outputs in
    [0, 1, 5].flatMap { n in
      [
        (1, 1, 1, 1, 1, 0), (3, 5, 1, 1, 1, 0), (5, 3, 2, 1, 2, 0), (4, 4, 3, 4, 1, 0), (6, 4, 1, 4, 3, 0),
        (7, 4, 3, 3, 2, 1), (4, 7, 2, 2, 3, 0), (5, 5, 1, 2, 4, 3), (3, 2, 2, 5, 2, 2), (2, 3, 1, 2, 1, 2),
        (1, 4, 3, 3, 5, 4), (9, 8, 1, 3, 1, 0), (2, 9, 1, 3, 1, 0),
      ].map { height, width, channels, kernel, stride, padding in
        LocalProductCase(
          n, height, width, channels, kernel: kernel, stride: stride, padding: padding, outputs: outputs)
      }
    }
  }

  static let small = LocalProductCase(3, 5, 4, 2, kernel: 3, stride: 2, padding: 1, outputs: 3)
  static let unpadded = LocalProductCase(2, 4, 5, 2, kernel: 2, stride: 1, outputs: 2)

  @Test(arguments: stages) func agreesAtTheModelsShapes(_ operation: LocalProductCase) {
    expectParity(operation)
    expectParity(operation.with(accumulate: true, dx: false))
  }

  @Test(arguments: odd) func agreesWithTheReference(_ operation: LocalProductCase) {
    expectParity(operation.with(accumulate: operation.n == 1))
  }

  /// Groups of maps and blocks of windows are full, one more than full, and many.
  @Test(arguments: [1, 2, 6, 7, 13]) func agreesForAnyNumberOfMaps(n: Int) {
    expectParity(LocalProductCase(n, 6, 8, 2, kernel: 3, stride: 1, outputs: 4))
    expectParity(LocalProductCase(n, 13, 13, 1, kernel: 3, stride: 1, padding: 1, outputs: 5))
  }

  @Test(arguments: [small, unpadded]) func agreesWithoutOneOfTheGradients(_ operation: LocalProductCase) {
    expectParity(operation.with(dw: false))
    expectParity(operation.with(dx: false))
    expectParity(operation.with(dw: false, dx: false))
  }

  @Test(arguments: [small, unpadded]) func aFaultIsCaught(_ operation: LocalProductCase) {
    expectFaultsCaught(operation)
  }

  @Test(arguments: [small, unpadded]) func gradientsAreThoseOfForward(_ operation: LocalProductCase) {
    expectGradients(operation.with(chained: true))
  }

  /// An image's output is the same whatever images stand beside it.
  @Test(arguments: stages) func aMapHasTheSameBitsAlone(_ operation: LocalProductCase) {
    let shape = operation.shape
    for kernels in everyCKernels {
      let bench = Bench<Float>()
      operation.run(kernels, on: bench)
      let y = bench.values("y").suffix(shape.outputValues)
      let one = Bench<Float>()
      let last = one.output("y", 1, shape.outputValues)
      let x = one.input("last", 1, shape.inputs)
      for (j, value) in bench.values("x").suffix(shape.inputs).enumerated() { x[0, j] = value }
      kernels.localProductForward(
        last, factors: one.output("factors", shape.places, 2 * shape.outputs),
        scratch: one.scratch("scratch", 1, shape.forwardScratch), x: x,
        w: one.input("w", 2 * shape.outputs, shape.window), shape: shape)
      #expect(one.values("y").map(\.bitPattern) == y.map(\.bitPattern), "\(kernels.instructionSet)")
    }
  }

  /// A map of 3 x 2 places between zeros; windows of 2 x 2, one at each corner.
  ///
  ///     1 2        left = 1 2 / 3 4       windows:  0 0  0 0  0 3  4 0
  ///     3 4        right = 1 0 / 0 1                0 1  2 0  0 5  6 0
  ///     5 6
  @Test func theReferenceGivesKnownValues() {
    let shape = LocalShape(height: 3, width: 2, channels: 1, kernel: 2, stride: 2, padding: 1, outputs: 1)
    #expect(shape.outputHeight == 2 && shape.outputWidth == 2 && shape.window == 4 && shape.inputs == 6)
    let bench = Bench<Double>()
    func row(_ name: String, _ values: [Double]) -> Matrix<Double> {
      let row = bench.output(name, 1, values.count)
      for (column, value) in values.enumerated() { row[0, column] = value }
      return row
    }
    let x = row("x", [1, 2, 3, 4, 5, 6])
    let w = bench.output("w", 2, 4)
    for (entry, (left, right)) in zip([1.0, 2, 3, 4], [1.0, 0, 0, 1]).enumerated() {
      (w[0, entry], w[1, entry]) = (left, right)
    }
    let (y, factors) = (bench.output("y", 1, 4), bench.output("factors", 4, 2))
    Reference<Double>().localProductForward(y, factors: factors, x: x, w: w, shape: shape)
    // Left: 4·1, 3·2, 2·3 + 4·5, 1·4 + 3·6; right: 1, 0, 5, 4.
    #expect(bench.values("factors") == [4, 1, 6, 0, 26, 5, 22, 4])
    #expect(bench.values("y") == [4, 0, 130, 88])
    let (dw, dx) = (bench.output("dw", 2, 4), bench.output("dx", 1, 6))
    Reference<Double>().localProductBackward(
      dw: dw, dx: dx, dy: row("dy", [1, 1, 1, -1]), factors: factors, x: x, w: w, shape: shape, accumulate: false)
    // dleft factors 1, 0, 5, -4; dright factors 4, 6, 26, -22.
    #expect(bench.values("dw") == [-16, 15, -24, 26, -88, 78, -120, 134])
    // No two windows overlap: each place of the map has dleft 1 2 / 3 4 + dright 1 0 / 0 1 of its own.
    #expect(bench.values("dx") == [8, 0, 10, -26, 46, -12])
  }

  /// The other way round: a loop over the map's own places, each of which looks for the windows that it is in.
  @Test(arguments: odd + stages) func theReferenceIsTheSumOverPlacesOfTheMap(_ operation: LocalProductCase) {
    let shape = operation.shape
    let (C, k, channels) = (shape.outputs, shape.kernel, shape.channels)
    let bench = Bench<Double>()
    operation.run(Reference<Double>(), on: bench)
    let (x, w, dy) = (bench.values("x"), bench.values("w"), bench.values("dy"))
    let given = bench.values("given factors")
    var factors = [Double](repeating: 0, count: given.count)
    var (dw, dx) = ([Double](repeating: 0, count: w.count), [Double](repeating: 0, count: x.count))
    let rows = shape.height + 2 * shape.padding >= k ? (shape.height + 2 * shape.padding - k) / shape.stride + 1 : 0
    let columns = shape.width + 2 * shape.padding >= k ? (shape.width + 2 * shape.padding - k) / shape.stride + 1 : 0
    for at in x.indices {
      let (image, inside) = at.quotientAndRemainder(dividingBy: shape.inputs)
      let row = inside / (shape.width * channels) + shape.padding
      let column = inside / channels % shape.width + shape.padding
      for a in 0..<rows where a * shape.stride <= row && row < a * shape.stride + k {
        for b in 0..<columns where b * shape.stride <= column && column < b * shape.stride + k {
          let entry = ((row - a * shape.stride) * k + column - b * shape.stride) * channels + inside % channels
          let place = (image * rows + a) * columns + b
          for c in 0..<C {
            let (left, right) = (place * 2 * C + c, place * 2 * C + C + c)
            factors[left] += x[at] * w[c * shape.window + entry]
            factors[right] += x[at] * w[(C + c) * shape.window + entry]
            let (dleft, dright) = (dy[place * C + c] * given[right], dy[place * C + c] * given[left])
            dw[c * shape.window + entry] += dleft * x[at]
            dw[(C + c) * shape.window + entry] += dright * x[at]
            dx[at] += dleft * w[c * shape.window + entry] + dright * w[(C + c) * shape.window + entry]
          }
        }
      }
    }
    let y = dy.indices.map { i in factors[i / C * 2 * C + i % C] * factors[i / C * 2 * C + C + i % C] }
    for (name, direct) in [("y", y), ("factors", factors), ("dw", dw), ("dx", dx)] where !direct.isEmpty {
      #expect(relativeError(bench.values(name), direct) < 1e-12, "\(name)")
    }
  }

  @Test func aWindowLargerThanTheMapGivesNothing() {
    let operation = LocalProductCase(2, 3, 4, 2, kernel: 4, stride: 1, outputs: 3)
    #expect(operation.shape.places == 0)
    expectParity(operation)
    #expect(results(of: operation, Reference<Double>())["dw"]?.allSatisfy { $0 == 0 } == true)
  }
}
