import ReferenceKernels

/// Where each named tensor stands in the flat buffer of all parameters, in the order in which they are drawn.
///
/// Parameters, gradients and moments are one flat buffer each, with this same table. Tensors stand without gaps, so that
/// neighbours can be read as one taller matrix: left above right, keys above values.
public struct ParameterTable: Sendable {
  /// One tensor, (rows, columns).
  public struct Entry: Sendable {
    /// As files call it: "layers.0.attention.wq".
    public let name: String
    /// Outputs, of a weight.
    public let rows: Int
    /// Inputs, of a weight.
    public let columns: Int
    /// Standard deviation of the initial draw.
    public let deviation: Double
    /// Whether the recipe clips this tensor's gradient by itself: those of the polynomial features.
    public let isFeature: Bool
    /// Its scalars in the flat buffer.
    public let range: Range<Int>
  }

  /// In the order in which they are drawn.
  public let entries: [Entry]
  /// Number of all parameters.
  public var count: Int { entries.last?.range.upperBound ?? 0 }

  /// The most that memory can address, in the widest precision.
  private static var limit: Int { Int.max / MemoryLayout<Double>.stride }

  /// The tensors of a model with V = `vocabularySize` text tokens.
  /// - Throws: `ConfigurationError` for more parameters than memory can address.
  public init(_ c: ModelConfiguration, vocabularySize: Int) throws(ConfigurationError) {
    var entries: [Entry] = []
    func append(
      _ name: String, _ rows: Int, _ columns: Int, _ deviation: Double = 0.08, isFeature: Bool = false
    ) throws(ConfigurationError) {
      let start = entries.last?.range.upperBound ?? 0
      let (size, overflow) = rows.multipliedReportingOverflow(by: columns)
      guard !overflow, size <= Self.limit - start else {
        throw ConfigurationError("number of parameters", value: "too large", rule: "at most \(Self.limit)")
      }
      entries.append(
        Entry(
          name: name, rows: rows, columns: columns, deviation: deviation, isFeature: isFeature,
          range: start..<start + size))
    }
    for (index, shape) in c.localShapes.enumerated() {
      for side in ["left", "right"] {
        try append("local.\(index + 1).\(side)", shape.outputs, shape.window, isFeature: true)
      }
    }
    if c.tensorTokens > 0 {
      for name in ["bae.1.left", "bae.1.right", "bae.2.left", "bae.2.right"] {
        try append(name, c.baseFeatures, c.pixels, 0.05, isFeature: true)
      }
      try append("tensor.a", c.tensorTokens, c.baseFeatures, isFeature: true)
      try append("tensor.b", c.tensorTokens, c.baseFeatures, isFeature: true)
    }
    for features in c.direct {
      for factor in 0..<features.degree {
        try append("direct.\(features.degree).\(factor)", features.count, c.pixels, 0.05, isFeature: true)
      }
    }
    try append("vision.left", c.width, c.features)
    try append("vision.right", c.width, c.features)
    try append("wte", vocabularySize, c.width)
    try append("wpe", c.positions, c.width)
    for layer in 0..<c.layers {
      for name in ["wq", "wk", "wv", "wo"] { try append("layers.\(layer).attention.\(name)", c.width, c.width) }
      try append("layers.\(layer).mlp.fc1", c.hiddenWidth, c.width)
      try append("layers.\(layer).mlp.fc2", c.width, c.hiddenWidth)
    }
    try append("lm_head", vocabularySize, c.width)
    self.entries = entries
  }
}

/// The tensors of a flat buffer as the matrices that the model's formulas speak of: of the parameters, or of their
/// gradient.
struct Parameters<Scalar: KernelScalar>: @unchecked Sendable {
  /// One layer of the transformer.
  struct Layer {
    let wq: Matrix<Scalar>
    /// wk, and below it wv: (2 D, D).
    let wkv: Matrix<Scalar>
    let wo: Matrix<Scalar>
    let fc1: Matrix<Scalar>
    let fc2: Matrix<Scalar>
  }

  /// For each local stage left above right: (2 C, k k C').
  let local: [Matrix<Scalar>]
  /// Left above right, for both base autoencoders: (2 M, P) each; empty without tensor tokens.
  let bae: [Matrix<Scalar>]
  /// Projections of the two autoencoders' features: (N, M) each; empty without tensor tokens.
  let tensor: [Matrix<Scalar>]
  /// For each kind of direct features its factors' weights, one below the other: (R count, P).
  let direct: [Matrix<Scalar>]
  /// Left above right: (2 D, F).
  let vision: Matrix<Scalar>
  let wte: Matrix<Scalar>
  let wpe: Matrix<Scalar>
  let layers: [Layer]
  let lmHead: Matrix<Scalar>

  init(_ buffer: Buffer<Scalar>, table: ParameterTable, configuration c: ModelConfiguration) {
    var entries = table.entries.makeIterator()
    // The next `count` tensors, which have equal shapes, as one matrix.
    func next(_ count: Int = 1) -> Matrix<Scalar> {
      let tensors = (0..<count).compactMap { _ in entries.next() }
      precondition(tensors.count == count, "the table ends before the model's \(table.entries.count) tensors do")
      let first = tensors[0]
      return buffer.matrix(at: first.range.lowerBound, rows: count * first.rows, columns: first.columns)
    }
    local = c.stages.map { _ in next(2) }
    bae = c.tensorTokens > 0 ? [next(2), next(2)] : []
    tensor = c.tensorTokens > 0 ? [next(), next()] : []
    direct = c.direct.map { next($0.degree) }
    vision = next(2)
    wte = next()
    wpe = next()
    layers = (0..<c.layers).map { _ in Layer(wq: next(), wkv: next(2), wo: next(), fc1: next(), fc2: next()) }
    lmHead = next()
  }
}
