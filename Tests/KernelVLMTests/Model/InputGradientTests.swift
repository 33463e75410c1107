import ReferenceKernels
import Testing

@testable import KernelVLMCore

/// The gradient by the input, for a stage of it that learns, against central differences in Double: what the encoder's
/// backward gives if it is asked for dx, and what becomes of it on the way back to what pooling gives.
///
/// The loss is Σ dbase · b + weight Σ reconstruction, with numbers for dbase. It has no kinks but the reconstruction's
/// clips; the bound is that of `FiniteDifferenceTests`, for the sum of the absolute values of the terms.
struct InputGradientTests {
  typealias Model = FiniteDifferenceTests.Model

  static let step = FiniteDifferenceTests.step

  /// All kinds of features; those of degree 2 alone; none that are direct, so that there is no reconstruction.
  static let models: [@Sendable (inout ModelConfiguration) -> Void] = [
    {
      Self.makeSmall(&$0)
      $0.direct = [.init(degree: 3, count: 2), .init(degree: 2, count: 5), .init(degree: 4, count: 1)]
    },
    {
      Self.makeSmall(&$0)
      $0.tensorTokens = 0
      $0.direct = [.init(degree: 2, count: 5)]
    },
    {
      Self.makeSmall(&$0)
      $0.direct = []
      $0.reconstructionWeight = 0
    },
  ]

  static func makeSmall(_ configuration: inout ModelConfiguration) {
    configuration.imageSize = 5
    configuration.baseFeatures = 3
    configuration.tensorTokens = 4
    configuration.width = 12
    configuration.heads = 3
    configuration.mlpRatio = 2
  }

  private func fill(_ matrix: Matrix<Double>, _ random: inout MersenneTwister) {
    for row in 0..<matrix.rows {
      for column in 0..<matrix.columns { matrix[row, column] = 2 * random.uniform() - 1 }
    }
  }

  /// The loss, and a bound of the sum of the absolute values of its terms: uᵀ G u is at most m = 5.
  private func loss(
    _ model: Model, _ x: Matrix<Double>, dbase: Matrix<Double>, weight: Double, _ workspace: Workspace<Double>
  ) -> (value: Double, terms: Double) {
    workspace.reset()
    let a = model.encoder.forward(x, reconstruction: weight > 0, &workspace.arena)
    var (value, terms) = (0.0, 0.0)
    for image in 0..<x.rows {
      for column in 0..<dbase.columns {
        value += dbase[image, column] * a.base[image, column]
        terms += abs(dbase[image, column] * a.base[image, column])
      }
      value += weight * a.reconstruction[image, 0]
      terms += weight * (5 + 2)
      for pixel in 0..<x.columns { terms += weight * x[image, pixel] * x[image, pixel] }
    }
    return (value, terms)
  }

  /// The elements of a gradient by `operand` that are not within 1e-5 of the difference.
  private func disagreements(
    _ gradient: [Double], _ operand: Matrix<Double>, loss: () -> (value: Double, terms: Double)
  ) -> [String] {
    let rounding = 256 * loss().terms * Double.ulpOfOne / (2 * Self.step)
    var wrong: [String] = []
    for row in 0..<operand.rows {
      for column in 0..<operand.columns {
        let value = operand[row, column]
        operand[row, column] = value + Self.step
        let above = loss().value
        operand[row, column] = value - Self.step
        let below = loss().value
        operand[row, column] = value
        let difference = (above - below) / (2 * Self.step)
        let found = gradient[row * operand.columns + column]
        if !(abs(found - difference) <= 1e-5 * abs(difference) + rounding) {
          wrong.append("[\(row), \(column)]: \(found), by differences \(difference)")
        }
      }
    }
    return wrong
  }

  private func elements(_ matrix: Matrix<Double>) -> [Double] {
    (0..<matrix.rows).flatMap { row in (0..<matrix.columns).map { matrix[row, $0] } }
  }

  /// Three inputs of different lengths. With 0 ≤ uᵀ G u ≤ m = 5 the error of the first, of length 1.5, is 0.25 to 5.25
  /// and so has a gradient; that of the last, of length 4, is above 10 and has none.
  @Test(arguments: models.indices, [0, 0.3]) func everyPixelAgrees(index: Int, weight: Double) throws {
    let model = try FiniteDifferenceTests.model(Self.models[index])
    let c = model.configuration
    let (operands, workspace, scratch) = (Workspace<Double>(), Workspace<Double>(), Workspace<Double>())
    defer { withExtendedLifetime((operands, workspace, scratch)) {} }
    let (x, dx) = (operands.arena.matrix(3, c.pixels), operands.arena.matrix(3, c.pixels))
    let dbase = operands.arena.matrix(3, c.width)
    var random = MersenneTwister(seed: 3)
    PlainModelTests.fill(x)
    fill(dbase, &random)
    for (image, length) in [1.5, 1, 4].enumerated() {
      for pixel in 0..<x.columns { x[image, pixel] *= length }
    }

    let a = model.encoder.forward(x, reconstruction: weight > 0, &workspace.arena)
    if weight > 0, c.hasReconstruction {
      #expect(a.reconstruction[0, 0] >= 0.25 && a.reconstruction[0, 0] <= 5.25 && a.reconstruction[2, 0] == 10)
    }
    dx.fill(.nan)
    let gradient = Gradient<Double>(model.table, c)
    model.encoder.backward(
      gradient, dbase: dbase, dx: dx, x: x, activations: a, reconstructionWeight: weight, accumulate: false,
      &workspace.arena)
    let loss: () -> (value: Double, terms: Double) = {
      self.loss(model, x, dbase: dbase, weight: weight, scratch)
    }
    var found = elements(dx)
    #expect(disagreements(found, x, loss: loss) == [])
    #expect(found.allSatisfy { $0 != 0 })
    found[40] += 1e-3
    #expect(disagreements(found, x, loss: loss).count == 1)
  }

  /// Images as large as the model's, whose pooled pixels are their bytes / 255: from there x = p / (|p| + 1e-8).
  @Test(arguments: [0, 0.3]) func soDoesWhatPoolingGives(weight: Double) throws {
    let model = try FiniteDifferenceTests.model(Self.models[0])
    let c = model.configuration
    let (operands, workspace, scratch) = (Workspace<Double>(), Workspace<Double>(), Workspace<Double>())
    defer { withExtendedLifetime((operands, workspace, scratch)) {} }
    let images = LabelledImages(
      images: (0..<2 * c.pixels).map { UInt8(truncatingIfNeeded: $0 * $0 / 3 + 3 * $0 + 40) }, labels: [0, 1],
      size: c.imageSize)
    let (pooled, moved) = (operands.arena.matrix(2, c.pixels), operands.arena.matrix(2, c.pixels))
    let (x, dx) = (operands.arena.matrix(2, c.pixels), operands.arena.matrix(2, c.pixels))
    let dbase = operands.arena.matrix(2, c.width)
    var random = MersenneTwister(seed: 3)
    fill(dbase, &random)
    for image in 0..<2 {
      for pixel in 0..<c.pixels { pooled[image, pixel] = Double(images.images[image * c.pixels + pixel]) / 255 }
    }

    let input = try ImageInput(of: images.size, c)
    let inputActivations = input.forward(model.kernels, images, 0..<2, weights: [], into: x, &operands.arena)
    let a = model.encoder.forward(x, reconstruction: weight > 0, &workspace.arena)
    let gradient = Gradient<Double>(model.table, c)
    model.encoder.backward(
      gradient, dbase: dbase, dx: dx, x: x, activations: a, reconstructionWeight: weight, accumulate: false,
      &workspace.arena)
    let byInput = elements(dx)
    input.backward(
      model.kernels, dweights: [], dx: dx, activations: inputActivations, weights: [], accumulate: false,
      &operands.arena)

    let loss: () -> (value: Double, terms: Double) = {
      for image in 0..<2 {
        var squares = 0.0
        for pixel in 0..<c.pixels { squares += pooled[image, pixel] * pooled[image, pixel] }
        for pixel in 0..<c.pixels { moved[image, pixel] = pooled[image, pixel] / (squares.squareRoot() + 1e-8) }
      }
      return self.loss(model, moved, dbase: dbase, weight: weight, scratch)
    }
    #expect(disagreements(elements(dx), pooled, loss: loss) == [])
    // Without the way back through the unit norm it would not be so.
    #expect(disagreements(byInput, pooled, loss: loss).count > c.pixels)
  }

  /// Whether dx is asked for changes no parameter's gradient: written, kept as an outer product, or added to. And dx is
  /// overwritten even where they are added to.
  @Test(arguments: [1, 3]) func askingForItChangesNoOtherGradient(images: Int) throws {
    let model = try FiniteDifferenceTests.model(Self.models[0])
    let c = model.configuration
    var parameters: [[Double]] = []
    for isAsked in [false, true] {
      let workspace = Workspace<Double>()
      defer { withExtendedLifetime(workspace) {} }
      let (x, dx) = (workspace.arena.matrix(images, c.pixels), workspace.arena.matrix(images, c.pixels))
      let dbase = workspace.arena.matrix(images, c.width)
      var random = MersenneTwister(seed: 3)
      PlainModelTests.fill(x)
      fill(dbase, &random)
      let a = model.encoder.forward(x, reconstruction: true, &workspace.arena)
      let gradient = Gradient<Double>(model.table, c, keepsOuterProducts: images == 1)
      var inputs: [[Double]] = []
      // What is kept is not added to.
      for accumulate in images == 1 ? [false] : [false, true] {
        dx.fill(.nan)
        model.encoder.backward(
          gradient, dbase: dbase, dx: isAsked ? dx : nil, x: x, activations: a, reconstructionWeight: 0.3,
          accumulate: accumulate, &workspace.arena)
        inputs.append(elements(dx))
      }
      if isAsked { #expect(inputs.allSatisfy { $0 == inputs[0] }) }
      gradient.write(model.kernels)
      parameters.append(gradient.buffer.values)
    }
    #expect(parameters[0] == parameters[1] && parameters[0].contains { $0 != 0 })
  }
}
