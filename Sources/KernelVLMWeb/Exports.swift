import CVLMKernels
import KernelVLMCore
import ReferenceKernels

// What WebAssembly's host calls. A handle keeps the training alive; the host frees nothing, since its memory ends with it.

/// A training of the default model on `count` drawn digits with the baseline's kernels.
private final class DrawnTraining {
  let trainer: Trainer<CKernels>

  init?(images count: Int, seed: UInt32) {
    var recipe = Recipe()
    recipe.seed = seed
    guard let kernels = CKernels(.baseline) else { return nil }
    do throws(ConfigurationError) {
      let model = try VisionLanguageModel(ModelConfiguration(), kernels: kernels)
      model.drawParameters(seed: seed)
      trainer = try Trainer(model, recipe: recipe, images: DrawnDigits().images(.train, 0..<count))
    } catch {
      return nil
    }
  }
}

/// Begins a training; null if it cannot be.
@_expose(wasm, "training_new")
@_cdecl("training_new")
public func newTraining(images: Int32, seed: UInt32) -> UnsafeMutableRawPointer? {
  DrawnTraining(images: Int(images), seed: seed).map { Unmanaged.passRetained($0).toOpaque() }
}

/// Takes up to `steps` steps; the loss of the last one, NaN if it failed.
@_expose(wasm, "training_run")
@_cdecl("training_run")
public func runTraining(_ training: UnsafeMutableRawPointer, steps: Int32) -> Double {
  let trainer = Unmanaged<DrawnTraining>.fromOpaque(training).takeUnretainedValue().trainer
  var loss = Double.nan
  do throws(TrainingError) {
    for _ in 0..<steps { loss = try trainer.step().loss }
  } catch {
    return .nan
  }
  return loss
}

/// The parameters, in the order of the model's table.
@_expose(wasm, "training_weights")
@_cdecl("training_weights")
public func weights(_ training: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Float> {
  Unmanaged<DrawnTraining>.fromOpaque(training).takeUnretainedValue().trainer.model.buffer.all.pointer
}

/// How many there are.
@_expose(wasm, "training_weight_count")
@_cdecl("training_weight_count")
public func weightCount(_ training: UnsafeMutableRawPointer) -> Int32 {
  Int32(Unmanaged<DrawnTraining>.fromOpaque(training).takeUnretainedValue().trainer.model.buffer.count)
}
