extension KernelProfile {
  /// One that reads the system's clock.
  public convenience init() {
    let start = ContinuousClock.now
    self.init { Int64(start.duration(to: .now).attoseconds / 1_000_000_000) }
  }
}

extension KernelProfile.Entry {
  /// "tensor attention backward"
  public var name: String {
    let method = String(operation.description.prefix { $0 != "(" })
    return method.replacing(#/(?<lower>[a-z])(?<upper>[A-Z])/#) { "\($0.lower) \($0.upper.lowercased())" }
      .replacing("mlp", with: "MLP").replacing("rms", with: "RMS")
  }
}
