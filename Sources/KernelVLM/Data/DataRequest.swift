import Foundation

extension DataSource {
  /// What a user asks for, before anything is looked for.
  public enum Request: Sendable, Equatable {
    /// What needs no files.
    case made(DataSource)
    /// Digits from a folder, or from the cache folder, where MNIST is downloaded to; perhaps to be paired.
    case digits(folder: String?, arePaired: Bool)

    /// - Parameters:
    ///   - option: "drawn", "pairs", "shapes", a folder, or nothing: then it is what KERNELVLM_DATA names, as are the digits
    ///     of pairs.
    ///   - environment: where KERNELVLM_DATA is looked up.
    /// - Throws: `FileError.malformed` for pairs of shapes.
    public init(
      _ option: String?, environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(FileError) {
      let name = DataSource.name(option, environment: environment)
      switch name {
      case "drawn": self = .made(.drawn(seed: DrawnDigits.defaultSeed))
      case "shapes": self = .made(.shapes(seed: DrawnShapes.defaultSeed))
      case "pairs":
        let variable = DataSource.name(nil, environment: environment)
        guard let variable, variable != "pairs" else {
          self = .digits(folder: nil, arePaired: true)
          return
        }
        switch try Request(variable, environment: environment) {
        case .made(let source):
          try source.requireDigits()
          self = .made(.pairs(of: source))
        case .digits(let folder, _): self = .digits(folder: folder, arePaired: true)
        }
      default: self = .digits(folder: name, arePaired: false)
      }
    }

    /// The source, where its files are in `folder`.
    public func source(in folder: String) -> DataSource {
      switch self {
      case .made(let source): source
      case .digits(_, let arePaired): arePaired ? .pairs(of: .folder(folder)) : .folder(folder)
      }
    }
  }

  /// What a user names: by the option, or else by KERNELVLM_DATA, which may be empty.
  public static func name(
    _ option: String?, environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> String? {
    option ?? environment["KERNELVLM_DATA"].flatMap { $0.isEmpty ? nil : $0 }
  }

  /// The source that a user asks for (see `Request`); what the cache folder lacks of `splits` is fetched.
  /// - Throws: `FileError`: `missing` for a folder without the files of `splits`, `unavailable` where MNIST is to be
  ///   fetched and cannot be (drawn digits are then the caller's choice), `malformed` or `unwritable` for the cache.
  public static func resolve(
    _ option: String?, splits: [Split] = Split.allCases,
    environment: [String: String] = ProcessInfo.processInfo.environment,
    mirrors: [String] = MNIST.mirrors, transport: Transport = httpsTransport,
    progress: @escaping @Sendable (MNIST.Progress) -> Void = { _ in }
  ) throws(FileError) -> DataSource {
    let request = try Request(option, environment: environment)
    guard case .digits(let folder, _) = request else { return request.source(in: "") }
    switch try MNIST.locate(folder: folder, splits: splits, environment: environment) {
    case .complete(let folder):
      return request.source(in: folder)
    case .incomplete(let cache):
      try MNIST.fetch(MNIST.files(splits), into: cache, mirrors: mirrors, transport: transport, progress: progress)
      return request.source(in: cache)
    }
  }
}
