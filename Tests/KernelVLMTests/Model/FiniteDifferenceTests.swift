import Dispatch
import Foundation
import ReferenceKernels
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

/// Every parameter's gradient against central differences of the loss in Double: the check that would notice if forward
/// and backward, or C and reference, were wrong together.
///
/// (loss(p + h) − loss(p − h)) / 2h differs from the derivative by h²/6 times the third derivative, and by the rounding
/// of the two losses over 2h. With h = 1e-6 the first is near 1e-12; the second is allowed for as 256 ulp of the loss,
/// about 1e-8. The seed keeps the inputs of all ReLUs further from 0 than h moves them.
struct FiniteDifferenceTests {
  typealias Model = VisionLanguageModel<Reference<Double>>

  static let step = 1e-6

  /// Every how many parameters: all, but where it is counted what runs, and each takes ten times as long, a fifteenth,
  /// with those that the tests spoil.
  static let stride = ProcessInfo.processInfo.environment["KERNELVLM_COVERAGE"] == nil ? 1 : 15

  static func isTaken(_ index: Int) -> Bool { index % stride == 5 % stride }

  /// A model whose paths are all alive: at the initial deviations scores are near 0 and attention is almost uniform; at
  /// 2.5 times them scores are near 1.
  static func model(_ change: (inout ModelConfiguration) -> Void) throws -> Model {
    var configuration = ModelConfiguration()
    change(&configuration)
    let model = try Model(configuration, kernels: Reference())
    model.drawParameters(seed: 7)
    for index in 0..<model.table.count { model.buffer.all[0, index] *= 2.5 }
    return model
  }

  /// Images and their names, from pixels on.
  struct Block {
    let input: ImageInput
    /// m_0.
    let pixels: Matrix<Double>
    /// Its x is made anew of the pixels.
    let microbatch: Microbatch<Double>
  }

  /// Images with every pixel alive, named one after the other from `names`.
  static func block(_ model: Model, names: [Int], _ workspace: Workspace<Double>) throws -> Block {
    let c = model.configuration
    let microbatch = workspace.microbatch(
      texts: names.map { model.vocabulary.texts[$0] }, configuration: c, batch: names.count)
    let pixels = workspace.arena.matrix(names.count, c.imageSize.pixels)
    var random = MersenneTwister(seed: 3)
    for image in 0..<names.count {
      for pixel in 0..<pixels.columns { pixels[image, pixel] = random.uniform() }
    }
    return Block(input: try ImageInput(of: c.imageSize, c), pixels: pixels, microbatch: microbatch)
  }

  /// The loss of a block that stands in another workspace.
  static func loss(_ model: Model, _ block: Block, _ workspace: Workspace<Double>) -> Double {
    workspace.reset()
    _ = block.input.forward(
      model.kernels, pixels: block.pixels, weights: model.localWeights, into: block.microbatch.x, &workspace.arena)
    let sum = model.loss(block.microbatch, &workspace.arena)
    let count = Double(block.microbatch.images)
    return sum.text / count + model.configuration.reconstructionWeight * sum.reconstruction / count
  }

  static func gradient(_ model: Model, names: [Int]) throws -> [Double] {
    let workspace = Workspace<Double>()
    let gradient = Gradient<Double>(model.table, model.configuration)
    let block = try block(model, names: names, workspace)
    let x = block.microbatch.x
    let seen = block.input.forward(
      model.kernels, pixels: block.pixels, weights: model.localWeights, into: x, &workspace.arena)
    let dx = workspace.arena.matrix(x.rows, x.columns)
    _ = model.lossAndGradient(
      block.microbatch, gradient: gradient, dx: dx, batch: names.count, accumulate: false, wantsReconstruction: true,
      &workspace.arena)
    block.input.backward(
      model.kernels, dweights: gradient.matrices.local, dx: dx, activations: seen, weights: model.localWeights,
      accumulate: false, &workspace.arena)
    return gradient.buffer.values
  }

  /// Central differences for every parameter that is taken, on all cores; 0 for the others.
  static func differences(_ model: Model, names: [Int]) -> [Double] {
    let result = Buffer<Double>(count: model.table.count)
    let workers = 8
    DispatchQueue.concurrentPerform(iterations: workers) { worker in
      guard let copy = try? Model(model.configuration, kernels: model.kernels) else { return }
      copy.buffer.all.copy(from: model.buffer.all)
      let inputs = Workspace<Double>()
      guard let block = try? block(copy, names: names, inputs) else { return }
      let workspace = Workspace<Double>()
      for index in Swift.stride(from: worker, to: model.table.count, by: workers) where isTaken(index) {
        let value = copy.buffer.all[0, index]
        copy.buffer.all[0, index] = value + step
        let above = loss(copy, block, workspace)
        copy.buffer.all[0, index] = value - step
        let below = loss(copy, block, workspace)
        copy.buffer.all[0, index] = value
        result.all[0, index] = (above - below) / (2 * step)
      }
    }
    return result.values
  }

  /// The parameters whose gradient is not within 1e-5 of the difference, by tensor.
  static func disagreements(
    _ model: Model, names: [Int], gradient: [Double], differences: [Double]
  ) throws -> [String] {
    let inputs = Workspace<Double>()
    let rounding = 256 * loss(model, try block(model, names: names, inputs), Workspace()).ulp / (2 * step)
    return model.table.entries.flatMap { entry in
      entry.range.filter {
        isTaken($0) && abs(gradient[$0] - differences[$0]) > 1e-5 * abs(differences[$0]) + rounding
      }
      .map { "\(entry.name)[\($0 - entry.range.lowerBound)]: \(gradient[$0]), by differences \(differences[$0])" }
    }
  }

  @Test(arguments: ModelConfiguration.Attention.tested, [0, 0.01])
  func everyParameterAgrees(attention: ModelConfiguration.Attention, reconstructionWeight: Double) throws {
    let model = try Self.model {
      $0.attention = attention
      $0.reconstructionWeight = reconstructionWeight
    }
    #expect(model.table.count == 32_240)
    let gradient = try Self.gradient(model, names: [7])
    let differences = Self.differences(model, names: [7])
    #expect(try Self.disagreements(model, names: [7], gradient: gradient, differences: differences) == [])

    for entry in model.table.entries {
      let alive = entry.range.filter { abs(gradient[$0]) > 1e-7 }.count
      let used = entry.name == "wte" ? 5 * 32 : entry.name == "wpe" ? 34 * 32 : entry.range.count / 3
      #expect(alive >= used, "\(entry.name): \(alive) of \(entry.range.count) have a gradient")
    }
    var faulty = gradient
    faulty[20_000] *= 1.0001
    faulty[5] += 1e-6
    #expect(try Self.disagreements(model, names: [7], gradient: faulty, differences: differences).count == 2)
  }

  /// Two layers, so that vision positions have queries; degrees 2, 3 and 4; several images of different lengths at once.
  @Test(arguments: ModelConfiguration.Attention.tested)
  func everyParameterAgreesWithTwoLayers(attention: ModelConfiguration.Attention) throws {
    let model = try Self.model {
      $0.attention = attention
      $0.layers = 2
      $0.imageSize = 5
      $0.baseFeatures = 3
      $0.tensorTokens = 4
      $0.direct = [.init(degree: 3, count: 2), .init(degree: 2, count: 5), .init(degree: 4, count: 1)]
      $0.width = 12
      $0.heads = 3
      $0.mlpRatio = 2
      $0.maximumTextLength = 7
    }
    let names = [3, 0, 1]
    let gradient = try Self.gradient(model, names: names)
    let differences = Self.differences(model, names: names)
    #expect(try Self.disagreements(model, names: names, gradient: gradient, differences: differences) == [])
  }

  /// Two local stages over an image that is not square, with padding, a stride over the kernel, and one of one channel;
  /// the reconstruction's gradient reaches x too. Weights of the stages are so large that maps are near 1.
  @Test(
    arguments: [[ModelConfiguration.LocalStage(channels: 3, kernel: 4, stride: 2, padding: 1)], stages], [0, 0.01])
  func everyParameterAgreesWithLocalStages(
    stages: [ModelConfiguration.LocalStage], reconstructionWeight: Double
  ) throws {
    let model = try Self.model {
      $0.imageSize = ImageSize(9, 12)
      $0.stages = stages
      $0.baseFeatures = 3
      $0.tensorTokens = 4
      $0.direct = [.init(degree: 3, count: 2), .init(degree: 2, count: 5)]
      $0.width = 12
      $0.heads = 3
      $0.mlpRatio = 2
      $0.reconstructionWeight = reconstructionWeight
    }
    let names = [3, 0, 1]
    var gradient = try Self.gradient(model, names: names)
    let differences = Self.differences(model, names: names)
    #expect(try Self.disagreements(model, names: names, gradient: gradient, differences: differences) == [])
    let local = model.table.entries.filter { $0.name.hasPrefix("local.") }
    #expect(local.count == 2 * stages.count)
    for entry in local {
      #expect(entry.range.allSatisfy { abs(gradient[$0]) > 1e-7 }, "\(entry.name)")
    }
    gradient[5] += 1e-5
    #expect(try Self.disagreements(model, names: names, gradient: gradient, differences: differences).count == 1)
  }

  static let stages = [
    ModelConfiguration.LocalStage(channels: 3, kernel: 3, stride: 2, padding: 2),
    ModelConfiguration.LocalStage(channels: 1, kernel: 1, stride: 2),
    ModelConfiguration.LocalStage(channels: 5, kernel: 2, stride: 1),
  ]

  /// The published program reports the error of the reconstruction and has no gradient of it, whatever it counts.
  @Test(arguments: GradientKind.allCases) func onlyTheExactGradientHasThatOfTheReconstruction(kind: GradientKind) throws
  {
    let gradients = try [0, 0.5].map { weight in
      let model = try Self.model {
        $0.gradient = kind
        $0.reconstructionWeight = weight
        $0.imageSize = 5
      }
      return try Self.gradient(model, names: [7, 2])
    }
    #expect((gradients[0] == gradients[1]) == (kind == .published))
  }

  @Test func thePublishedGradientIsNotTheDerivative() throws {
    let model = try Self.model {
      $0.gradient = .published
      $0.imageSize = 4
      $0.width = 8
    }
    let gradient = try Self.gradient(model, names: [2])
    let differences = Self.differences(model, names: [2])
    let wrong = try Self.disagreements(model, names: [2], gradient: gradient, differences: differences)
    #expect(wrong.count > model.table.count / (2 * Self.stride))
  }
}
