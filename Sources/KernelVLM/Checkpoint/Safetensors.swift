/// Named tensors with text about them, in the file format of https://huggingface.co/docs/safetensors.
///
/// A checkpoint, and any set of numbers to compare with, is such a file. Only F32 and F64 are read and written; both are
/// little-endian and row-major in the file. The reader is strict: whatever it accepts, the official reader accepts too.
public struct Safetensors: Sendable, Equatable {
  /// What a tensor's elements are; the raw value is the file's `dtype`.
  public enum ElementType: String, Sendable {
    /// IEEE 754 binary32.
    case float32 = "F32"
    /// IEEE 754 binary64.
    case float64 = "F64"

    /// Bytes of one element.
    public var size: Int { self == .float32 ? 4 : 8 }

    /// `size` times the product of `shape`, or nil if that is more than `Int.max`.
    func byteCount(shape: [Int]) -> Int? {
      var count = size
      for dimension in shape {
        let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
        if overflow { return nil }
        count = product
      }
      return count
    }
  }

  /// One named array.
  public struct Tensor: Sendable, Equatable {
    /// As the file calls it.
    public let name: String
    /// What its elements are.
    public let type: ElementType
    /// Outermost dimension first; empty for a scalar.
    public let shape: [Int]
    /// The elements, little-endian, row-major. A tensor that was read shares the memory of its file.
    public let bytes: ArraySlice<UInt8>

    init(name: String, type: ElementType, shape: [Int], bytes: ArraySlice<UInt8>) {
      precondition(
        type.byteCount(shape: shape) == bytes.count,
        "tensor \(name): \(bytes.count) bytes of \(type.rawValue) for shape \(shape)")
      self.name = name
      self.type = type
      self.shape = shape
      self.bytes = bytes
    }
  }

  /// Text about the file: configuration, provenance.
  public var metadata: [String: String]
  /// In the order of their data in the file.
  public var tensors: [Tensor]

  /// A file that is not written yet.
  public init(metadata: [String: String] = [:], tensors: [Tensor]) {
    self.metadata = metadata
    self.tensors = tensors
  }

  /// The tensor called `name`, or nil.
  public subscript(name: String) -> Tensor? { tensors.first { $0.name == name } }

  /// The tensors of these names and shapes, in this order, whatever their order in the file.
  ///
  /// - Throws: `FileError.malformed` naming the first tensor that is missing, has another shape, or was not expected.
  public func tensors(
    matching expected: [(name: String, shape: [Int])], path: String
  ) throws(FileError) -> [Tensor] {
    func malformed(_ problem: String) -> FileError { FileError(.malformed, path: path, problem) }
    var rest = Dictionary(tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    var matching: [Tensor] = []
    for (name, shape) in expected {
      guard let tensor = rest.removeValue(forKey: name) else {
        throw malformed("expected tensor \(quoted(name)) of shape \(brief(shape)), found none")
      }
      guard tensor.shape == shape else {
        throw malformed("expected shape \(brief(shape)) for tensor \(quoted(name)), found \(brief(tensor.shape))")
      }
      matching.append(tensor)
    }
    if let other = tensors.first(where: { rest.keys.contains($0.name) }) {
      throw malformed("expected \(expected.count) tensors, found another: \(quoted(other.name))")
    }
    return matching
  }
}

extension Safetensors.Tensor {
  /// An F32 tensor of `values`, row-major, whose count must be the product of `shape`. Every bit is kept, NaN's too.
  public init(_ name: String, shape: [Int], values: some Collection<Float>) {
    let bytes = Self.littleEndian(values.lazy.map(\.bitPattern))
    self.init(name: name, type: .float32, shape: shape, bytes: bytes[...])
  }

  /// An F64 tensor of `values`, row-major, whose count must be the product of `shape`. Every bit is kept, NaN's too.
  public init(_ name: String, shape: [Int], values: some Collection<Double>) {
    let bytes = Self.littleEndian(values.lazy.map(\.bitPattern))
    self.init(name: name, type: .float64, shape: shape, bytes: bytes[...])
  }

  /// The number of elements, the product of `shape`.
  public var count: Int { bytes.count / type.size }

  /// The elements, row-major, as `Scalar`.
  ///
  /// The same type gives the same bits and F32 to `Double` is exact. F64 to `Float` rounds to nearest, ties to even; a
  /// finite value beyond `Float.greatestFiniteMagnitude` becomes infinite.
  public func values<Scalar: BinaryFloatingPoint>(as: Scalar.Type = Scalar.self) -> [Scalar] {
    bytes.withUnsafeBytes { raw in
      switch type {
      case .float32: Self.patterns(UInt32.self, in: raw).map { Scalar(Float(bitPattern: $0)) }
      case .float64: Self.patterns(UInt64.self, in: raw).map { Scalar(Double(bitPattern: $0)) }
      }
    }
  }

  /// The index, row-major, of the first NaN or infinity, or nil. Those are the patterns whose exponent is all ones.
  public var firstNonFinite: Int? {
    bytes.withUnsafeBytes { raw in
      switch type {
      case .float32: Self.patterns(UInt32.self, in: raw).firstIndex { !Float(bitPattern: $0).isFinite }
      case .float64: Self.patterns(UInt64.self, in: raw).firstIndex { !Double(bitPattern: $0).isFinite }
      }
    }
  }

  /// The integers of `raw`, indexed from 0; unaligned, since a tensor begins wherever the one before it ended.
  private static func patterns<Pattern: FixedWidthInteger & BitwiseCopyable>(
    _: Pattern.Type, in raw: UnsafeRawBufferPointer
  ) -> LazyMapCollection<Range<Int>, Pattern> {
    (0..<raw.count / MemoryLayout<Pattern>.size).lazy.map { i in
      Pattern(littleEndian: raw.loadUnaligned(fromByteOffset: i * MemoryLayout<Pattern>.size, as: Pattern.self))
    }
  }

  private static func littleEndian<Pattern: FixedWidthInteger>(_ patterns: some Collection<Pattern>) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(patterns.count * MemoryLayout<Pattern>.size)
    for pattern in patterns { withUnsafeBytes(of: pattern.littleEndian) { bytes.append(contentsOf: $0) } }
    return bytes
  }
}

extension Safetensors {
  /// The largest file that `load` takes unless told otherwise, in bytes.
  public static let defaultSizeLimit = 1 << 30

  /// The content of a file.
  ///
  /// The tensors share the memory of `bytes`; besides it, names, shapes and metadata take a few megabytes at most.
  ///
  /// - Parameters:
  ///   - bytes: the whole file.
  ///   - path: the file's name, for errors.
  ///   - allowNonFinite: whether a tensor may hold NaN or infinity.
  /// - Throws: `FileError.malformed` that says what was expected, what was found, and where.
  public init(decoding bytes: [UInt8], path: String, allowNonFinite: Bool = false) throws(FileError) {
    let header = try SafetensorsHeader(scanning: bytes, path: path)
    var tensors: [Tensor] = []
    tensors.reserveCapacity(header.entries.count)
    for entry in header.entries {
      let range = header.dataStart + entry.span.lowerBound..<header.dataStart + entry.span.upperBound
      let tensor = Tensor(name: entry.name, type: entry.type, shape: entry.shape, bytes: bytes[range])
      if !allowNonFinite, let index = tensor.firstNonFinite {
        let position = range.lowerBound + index * tensor.type.size
        let bytes = bytes[position..<position + tensor.type.size]
        let value = Tensor(name: tensor.name, type: tensor.type, shape: [], bytes: bytes).values(as: Double.self)[0]
        let found = "\(value) at index \(index) of tensor \(quoted(tensor.name))"
        throw FileError(.malformed, path: path, "expected finite values, found \(found) at byte \(position)")
      }
      tensors.append(tensor)
    }
    self.init(metadata: header.metadata, tensors: tensors)
  }

  /// Reads the file at `path`.
  ///
  /// - Throws: `FileError.missing` if it cannot be read, `.malformed` if it is larger than `sizeLimit` bytes or is not
  ///   what ``init(decoding:path:allowNonFinite:)`` accepts.
  public static func load(
    _ path: String, allowNonFinite: Bool = false, sizeLimit: Int = defaultSizeLimit
  ) throws(FileError) -> Safetensors {
    try Safetensors(
      decoding: readFile(at: path, sizeLimit: sizeLimit), path: path, allowNonFinite: allowNonFinite)
  }

  /// Replaces the file at `path`, whole or not at all: see ``writeAtomically(_:to:)``.
  ///
  /// The strict reader has the bytes first, so that a good file is never replaced by one that `load` would refuse.
  ///
  /// - Throws: `FileError.malformed` for content that `load` would refuse, such as one name used twice or, unless
  ///   `allowNonFinite`, a NaN; `FileError.unwritable` if the file could not be written.
  public func save(_ path: String, allowNonFinite: Bool = false) throws(FileError) {
    let bytes = encoded()
    _ = try Safetensors(decoding: bytes, path: path, allowNonFinite: allowNonFinite)
    try writeAtomically(bytes, to: path)
  }

  /// The bytes of the file: the same for equal values, on every machine.
  ///
  /// `__metadata__` comes first, if there is any, its keys sorted by their UTF-8; the tensors keep their order. Spaces
  /// fill the header to a multiple of 8 bytes. Nothing is checked: `save` does that.
  public func encoded() -> [UInt8] {
    var header = Array("{\(members().joined(separator: ","))}".utf8)
    header.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - header.count % 8) % 8))
    var bytes: [UInt8] = []
    bytes.reserveCapacity(8 + header.count + tensors.reduce(0) { $0 + $1.bytes.count })
    withUnsafeBytes(of: UInt64(header.count).littleEndian) { bytes.append(contentsOf: $0) }
    bytes.append(contentsOf: header)
    for tensor in tensors { bytes.append(contentsOf: tensor.bytes) }
    return bytes
  }

  private func members() -> [String] {
    var members: [String] = []
    if !metadata.isEmpty {
      let sorted = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      let pairs = sorted.map { "\(Self.json($0.key)):\(Self.json($0.value))" }
      members.append("\(Self.json(SafetensorsHeader.metadataName)):{\(pairs.joined(separator: ","))}")
    }
    var offset = 0
    for tensor in tensors {
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      let end = offset + tensor.bytes.count
      members.append(
        """
        \(Self.json(tensor.name)):{"dtype":"\(tensor.type.rawValue)","shape":[\(shape)],"data_offsets":[\(offset),\(end)]}
        """)
      offset = end
    }
    return members
  }

  /// `text` as a JSON string: quotes, backslashes and control characters escaped, the rest as it is.
  private static func json(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      let escape = HeaderScanner.escapes.first { $0.character == scalar.value && $0.letter != UInt8(ascii: "/") }
      if let escape {
        quoted += "\\" + String(Unicode.Scalar(escape.letter))
      } else if scalar.value < 0x20 {
        quoted += "\\u00" + (scalar.value < 0x10 ? "0" : "") + String(scalar.value, radix: 16)
      } else {
        quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
