/// The header of a safetensors file: what the tensors are called, their types and shapes, and where their data lies.
///
/// File: 8 bytes, the header's length N, little-endian; N bytes of JSON; the tensors' data. Source: the format section of
/// https://huggingface.co/docs/safetensors. Stricter than the official reader, which lets a duplicate key pass.
struct SafetensorsHeader {
  /// The official reader's bound on N, in bytes.
  static let lengthLimit = 100_000_000
  static let lengthBytes = 8
  static let metadataName = "__metadata__"
  /// What an entry or a metadata pair costs in memory besides its text, in bytes, rounded up.
  private static let entryCost = 256
  private static let pairCost = 64

  struct Entry {
    var name: String
    var type: Safetensors.ElementType
    var shape: [Int]
    /// Bytes of the data, counted from its beginning.
    var span: Range<Int>
    /// The byte of the file where the entry stands.
    var position: Int
  }

  private(set) var metadata: [String: String] = [:]
  /// In the order of their data, whatever their order in the header.
  private(set) var entries: [Entry] = []
  /// Where the data begins in the file, in bytes.
  let dataStart: Int

  /// Reads and checks the header of the file whose whole content is `bytes`.
  ///
  /// - Throws: `FileError.malformed` for anything that the format does not allow; the data's spans must tile what follows
  ///   the header, without hole, overlap or rest.
  init(scanning bytes: [UInt8], path: String) throws(FileError) {
    let header = try Self.range(in: bytes, path: path)
    dataStart = header.upperBound
    var scanner = HeaderScanner(bytes, header: header, path: path)
    try scanEntries(&scanner)
    try scanner.expectPadding()
    try checkTiling(of: bytes.count - dataStart, scanner)
  }

  /// Where the header stands: its length fits the file, it is UTF-8 and begins with a brace.
  private static func range(in bytes: [UInt8], path: String) throws(FileError) -> Range<Int> {
    func malformed(_ problem: String) -> FileError { FileError(.malformed, path: path, problem) }
    // A file that has no brace where the header begins may be another known thing; a broken safetensors file has one.
    if bytes.dropFirst(lengthBytes).first != UInt8(ascii: "{"), let foreign = ForeignFile.identify(bytes) {
      throw malformed("expected a model in safetensors, found \(foreign.found(as: .model))")
    }
    guard bytes.count >= lengthBytes else {
      throw malformed("expected 8 bytes of header length at byte 0, found \(bytes.count)")
    }
    let length = bytes[..<lengthBytes].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= UInt64(lengthLimit) else {
      throw malformed("expected a header of at most \(lengthLimit) bytes, found \(length) at byte 0")
    }
    let range = lengthBytes..<lengthBytes + Int(length)
    guard range.upperBound <= bytes.count else {
      throw malformed("expected a header of \(length) bytes, found \(bytes.count - lengthBytes) at byte \(lengthBytes)")
    }
    if let invalid = firstInvalidUTF8(in: bytes[range]) {
      throw malformed("expected a header in UTF-8, found an invalid sequence at byte \(invalid)")
    }
    return range
  }

  private mutating func scanEntries(_ scanner: inout HeaderScanner) throws(FileError) {
    try scanner.expectFirstBrace()
    var names: Set<String> = []
    while let key = try scanner.key(isFirst: names.isEmpty) {
      guard names.insert(key.name).inserted else {
        throw scanner.error("expected each tensor once, found \(quoted(key.name)) again", at: key.position)
      }
      if key.name == Self.metadataName {
        try scanMetadata(&scanner)
      } else {
        try scanner.keep(Self.entryCost)
        entries.append(try Self.scanEntry(key, &scanner))
      }
    }
  }

  private mutating func scanMetadata(_ scanner: inout HeaderScanner) throws(FileError) {
    try scanner.expect("{")
    while let key = try scanner.key(isFirst: metadata.isEmpty) {
      try scanner.keep(Self.pairCost)
      let value = try scanner.string("a metadata string in quotes")
      guard metadata.updateValue(value, forKey: key.name) == nil else {
        throw scanner.error("expected each metadata key once, found \(quoted(key.name)) again", at: key.position)
      }
    }
  }

  private static func scanEntry(_ key: HeaderScanner.Key, _ scanner: inout HeaderScanner) throws(FileError) -> Entry {
    try scanner.expect("{")
    let tensor = "for tensor \(quoted(key.name))"
    var type: Safetensors.ElementType?
    var shape: [Int]?
    var offsets: [Int]?
    while let field = try scanner.key(isFirst: type == nil && shape == nil && offsets == nil) {
      switch (field.name, type, shape, offsets) {
      case ("dtype", nil, _, _): type = try scanType(tensor, &scanner)
      case ("shape", _, nil, _): shape = try scanner.integers()
      case ("data_offsets", _, _, nil): offsets = try scanner.integers()
      default:
        throw scanner.error(
          "expected dtype, shape and data_offsets once each, found \(quoted(field.name)) \(tensor)", at: field.position)
      }
    }
    guard let type, let shape, let offsets else {
      let missing = type == nil ? "dtype" : shape == nil ? "shape" : "data_offsets"
      throw scanner.error("expected dtype, shape and data_offsets, found no \(missing) \(tensor)", at: key.position)
    }
    guard offsets.count == 2, offsets[0] <= offsets[1] else {
      throw scanner.error("expected data_offsets [begin, end], found \(brief(offsets)) \(tensor)", at: key.position)
    }
    let span = offsets[0]..<offsets[1]
    let entry = Entry(name: key.name, type: type, shape: shape, span: span, position: key.position)
    try checkSize(of: entry, tensor, scanner)
    return entry
  }

  private static func scanType(
    _ tensor: String, _ scanner: inout HeaderScanner
  ) throws(FileError) -> Safetensors.ElementType {
    let name = try scanner.string("a dtype in quotes")
    guard let type = Safetensors.ElementType(rawValue: name) else {
      throw scanner.error("expected dtype F32 or F64, found \(quoted(name)) \(tensor)", at: scanner.position)
    }
    return type
  }

  private static func checkSize(of entry: Entry, _ tensor: String, _ scanner: HeaderScanner) throws(FileError) {
    guard let size = entry.type.byteCount(shape: entry.shape) else {
      throw scanner.error(
        "expected a shape of at most \(Int.max) bytes, found \(brief(entry.shape)) \(tensor)", at: entry.position)
    }
    guard size == entry.span.count else {
      throw scanner.error(
        "expected \(size) bytes of \(entry.type.rawValue) for shape \(brief(entry.shape)), "
          + "found \(entry.span.count) \(tensor)", at: entry.position)
    }
  }

  /// Puts the entries in the order of their data, which must be all of the `size` bytes after the header, each once.
  private mutating func checkTiling(of size: Int, _ scanner: HeaderScanner) throws(FileError) {
    entries.sort { a, b in
      (a.span.lowerBound, a.span.upperBound, a.position) < (b.span.lowerBound, b.span.upperBound, b.position)
    }
    var reached = 0
    for entry in entries {
      let begin = entry.span.lowerBound
      guard begin == reached else {
        let what = begin < reached ? "an overlap" : "a hole"
        throw scanner.error(
          "expected the data of tensor \(quoted(entry.name)) at offset \(reached), found \(begin): \(what)",
          at: entry.position)
      }
      reached = entry.span.upperBound
    }
    guard reached == size else {
      let what = reached < size ? "\(size - reached) trailing" : "\(reached - size) missing"
      throw scanner.error(
        "expected \(reached) bytes of data, found \(size): \(what)", at: dataStart + min(reached, size))
    }
  }
}

/// The first eight numbers of a list, fit for an error of one line.
func brief(_ list: [Int]) -> String {
  list.count <= 8 ? "\(list)" : "\(list.prefix(8)) and \(list.count - 8) more"
}
