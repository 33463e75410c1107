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

  /// Images with every pixel alive, named one after the other from `names`.
  static func block(_ model: Model, names: [Int], _ workspace: Workspace<Double>) -> Microbatch<Double> {
    let block = workspace.microbatch(
      texts: names.map { model.vocabulary.texts[$0] }, configuration: model.configuration, batch: names.count)
    var random = MersenneTwister(seed: 3)
    for image in 0..<block.images {
      for pixel in 0..<block.x.columns { block.x[image, pixel] = random.uniform() }
    }
    let norm = workspace.arena.matrix(block.images, 1)
    model.kernels.unitNormForward(block.x, norm: norm, x: block.x)
    return block
  }

  /// The loss of a block that stands in another workspace.
  static func loss(_ model: Model, _ block: Microbatch<Double>, _ workspace: Workspace<Double>) -> Double {
    workspace.reset()
    let sum = model.loss(block, &workspace.arena)
    let count = Double(block.images)
    return sum.text / count + model.configuration.reconstructionWeight * sum.reconstruction / count
  }

  static func gradient(_ model: Model, names: [Int]) -> [Double] {
    let workspace = Workspace<Double>()
    let gradient = Gradient<Double>(model.table, model.configuration)
    _ = model.lossAndGradient(
      block(model, names: names, workspace), gradient: gradient, batch: names.count, accumulate: false,
      wantsReconstruction: true, &workspace.arena)
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
      let block = block(copy, names: names, inputs)
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
  static func disagreements(_ model: Model, names: [Int], gradient: [Double], differences: [Double]) -> [String] {
    let inputs = Workspace<Double>()
    let rounding = 256 * loss(model, block(model, names: names, inputs), Workspace()).ulp / (2 * step)
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
    let gradient = Self.gradient(model, names: [7])
    let differences = Self.differences(model, names: [7])
    #expect(Self.disagreements(model, names: [7], gradient: gradient, differences: differences) == [])

    for entry in model.table.entries {
      let alive = entry.range.filter { abs(gradient[$0]) > 1e-7 }.count
      let used = entry.name == "wte" ? 5 * 32 : entry.name == "wpe" ? 34 * 32 : entry.range.count / 3
      #expect(alive >= used, "\(entry.name): \(alive) of \(entry.range.count) have a gradient")
    }
    var faulty = gradient
    faulty[20_000] *= 1.0001
    faulty[5] += 1e-6
    #expect(Self.disagreements(model, names: [7], gradient: faulty, differences: differences).count == 2)
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
    let gradient = Self.gradient(model, names: names)
    let differences = Self.differences(model, names: names)
    #expect(Self.disagreements(model, names: names, gradient: gradient, differences: differences) == [])
  }

  /// The published program reports the error of the reconstruction and has no gradient of it, whatever it counts.
  @Test(arguments: GradientKind.allCases) func onlyTheExactGradientHasThatOfTheReconstruction(kind: GradientKind) throws
  {
    let gradients = try [0, 0.5].map { weight in
      let model = try Self.model {
        $0.gradient = kind
        $0.reconstructionWeight = weight
        $0.imageSize = 5
      }
      return Self.gradient(model, names: [7, 2])
    }
    #expect((gradients[0] == gradients[1]) == (kind == .published))
  }

  @Test func thePublishedGradientIsNotTheDerivative() throws {
    let model = try Self.model {
      $0.gradient = .published
      $0.imageSize = 4
      $0.width = 8
    }
    let gradient = Self.gradient(model, names: [2])
    let differences = Self.differences(model, names: [2])
    let wrong = Self.disagreements(model, names: [2], gradient: gradient, differences: differences)
    #expect(wrong.count > model.table.count / (2 * Self.stride))
  }
}
