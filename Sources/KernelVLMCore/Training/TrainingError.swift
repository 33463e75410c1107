/// Why a training cannot go on. Steps are counted from 0; the parameters are those before the step.
public enum TrainingError: Error, Equatable, CustomStringConvertible {
  /// The gradient of a tensor is NaN or infinite, or the loss alone is (`tensor` is "loss").
  case notFinite(tensor: String, step: Int)
  /// An element of a parameter is NaN or infinite already.
  case parameterNotFinite(tensor: String, step: Int)
  /// The step would have made an element of a parameter, or of one of its moments, NaN or infinite.
  case stepTooLarge(tensor: String, step: Int)
  /// The schedule has no such step: its learning rate has fallen to 0.
  case scheduleEnded(step: Int)

  public var description: String {
    switch self {
    case .notFinite(let tensor, let step):
      let what = tensor == "loss" ? "the loss" : "the gradient of \(tensor)"
      return "\(what) is not finite at step \(step + 1); the parameters are those before it"
    case .parameterNotFinite(let tensor, let step):
      return "the parameter \(tensor) is not finite at step \(step + 1)"
    case .stepTooLarge(let tensor, let step):
      return "\(tensor) would not be finite after step \(step + 1); the parameters are those before it"
    case .scheduleEnded(let step):
      return "step \(step + 1) is past the end of the schedule, where the learning rate is 0"
    }
  }
}
