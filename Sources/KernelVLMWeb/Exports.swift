import CVLMKernels
import KernelVLMCore
import ReferenceKernels

// What WebAssembly's host calls. A handle keeps a training alive; the host frees nothing, since its memory ends with
// it. Memory may grow in any call: views of it are to be made after.

/// A training on drawn digits with the baseline's kernels.
private final class DrawnTraining {
  let trainer: Trainer<CKernels>

  init(_ configuration: ModelConfiguration, _ recipe: Recipe, images count: Int) throws(ConfigurationError) {
    let (digits, kernels) = (DrawnDigits(), CKernels())
    let all = digits.count(.train)
    guard (0...all).contains(count) else {
      throw ConfigurationError("number of images", value: count, rule: "0 to \(all)")
    }
    let model = try VisionLanguageModel(configuration, kernels: kernels)
    model.drawParameters(seed: recipe.seed)
    trainer = try Trainer(model, recipe: recipe, images: digits.images(.train, 0..<count))
  }

  /// The one that the host calls by a handle.
  static func at(_ handle: UnsafeMutableRawPointer) -> DrawnTraining {
    Unmanaged<DrawnTraining>.fromOpaque(handle).takeUnretainedValue()
  }
}

/// Begins a training of the default model, but for what is given, on the first `images` digits; null if it cannot be.
/// - Parameters:
///   - isShuffled: whether every pass has an order of its own.
///   - isPublished: whether the gradient is the published program's.
///   - degree: of attention, 1 for dot and 2 for tensor attention.
@_expose(wasm, "training_new")
@_cdecl("training_new")
public func newTraining(
  images: Int32, seed: UInt32, batch: Int32, isShuffled: Bool, isPublished: Bool, degree: Int32
) -> UnsafeMutableRawPointer? {
  var configuration = ModelConfiguration()
  configuration.attention = ModelConfiguration.Attention(degree: Int(degree))
  configuration.gradient = isPublished ? .published : .exact
  var recipe = Recipe()
  (recipe.seed, recipe.batch, recipe.order) = (seed, Int(batch), isShuffled ? .shuffled : .sequential)
  do throws(ConfigurationError) {
    return Unmanaged.passRetained(try DrawnTraining(configuration, recipe, images: Int(images))).toOpaque()
  } catch {
    return nil
  }
}

/// Takes `steps` steps; the loss of the last one, or NaN if one failed.
@_expose(wasm, "training_run")
@_cdecl("training_run")
public func runTraining(_ training: UnsafeMutableRawPointer, steps: Int32) -> Double {
  let trainer = DrawnTraining.at(training).trainer
  var loss = Double.nan
  do throws(TrainingError) {
    for _ in 0..<max(0, steps) { loss = try trainer.step().loss }
  } catch {
    return .nan
  }
  return loss
}

/// The parameters, in the order of the model's table.
@_expose(wasm, "training_weights")
@_cdecl("training_weights")
public func weights(_ training: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Float> {
  DrawnTraining.at(training).trainer.model.buffer.all.pointer
}

/// How many there are.
@_expose(wasm, "training_weight_count")
@_cdecl("training_weight_count")
public func weightCount(_ training: UnsafeMutableRawPointer) -> Int32 {
  Int32(DrawnTraining.at(training).trainer.model.buffer.count)
}
