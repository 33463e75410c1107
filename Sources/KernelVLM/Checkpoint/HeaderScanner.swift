/// Reads the subset of JSON that a safetensors header may use, byte by byte, from where the header begins to its end.
///
/// Foundation's decoders accept duplicate keys, trailing commas and fractional integers, and know no byte position; this
/// one accepts RFC 8259 objects, strings, and lists of non-negative integers, and nothing else. Every error says what was
/// expected, what was found, and at which byte of the file.
struct HeaderScanner {
  /// Bytes that names, metadata and shapes may take in memory together; a hostile header cannot make the reader keep more.
  static let contentLimit = 4 << 20
  /// The letters after a backslash that stand for one character, and that character.
  static let escapes: [(letter: UInt8, character: UInt8)] = [
    (UInt8(ascii: "\""), UInt8(ascii: "\"")), (UInt8(ascii: "\\"), UInt8(ascii: "\\")),
    (UInt8(ascii: "/"), UInt8(ascii: "/")), (UInt8(ascii: "b"), 0x08), (UInt8(ascii: "f"), 0x0C),
    (UInt8(ascii: "n"), 0x0A), (UInt8(ascii: "r"), 0x0D), (UInt8(ascii: "t"), 0x09),
  ]

  /// A member's name, and the byte of the file where it stands.
  typealias Key = (name: String, position: Int)

  private let bytes: [UInt8]
  private let end: Int
  private let path: String
  private(set) var position: Int
  private var content = 0

  /// Scans `bytes[header]`; `path` is for the errors.
  init(_ bytes: [UInt8], header: Range<Int>, path: String) {
    self.bytes = bytes
    self.path = path
    position = header.lowerBound
    end = header.upperBound
  }

  private var next: UInt8? { position < end ? bytes[position] : nil }

  /// The next member's name and its colon; nil at the end of the object.
  mutating func key(isFirst: Bool) throws(FileError) -> Key? {
    guard try element(isFirst: isFirst, closing: "}", "a name in quotes") else { return nil }
    let start = position
    let name = try string("a name in quotes")
    if let control = name.unicodeScalars.first(where: { $0.properties.generalCategory == .control }) {
      let digits = String(control.value, radix: 16, uppercase: true)
      let found = "U+" + String(repeating: "0", count: 4 - digits.count) + digits
      throw error("expected a name without control characters, found \(found)", at: start)
    }
    skipWhitespace()
    try expect(":")
    return (name, start)
  }

  /// Whether another element follows in the list or object that `closing` ends; passes the comma before it.
  mutating func element(isFirst: Bool, closing: Unicode.Scalar, _ what: String) throws(FileError) -> Bool {
    skipWhitespace()
    if next == UInt8(ascii: closing) {
      position += 1
      return false
    }
    if !isFirst {
      guard next == UInt8(ascii: ",") else { throw expected("',' or '\(closing)'") }
      position += 1
      skipWhitespace()
    }
    return true
  }

  /// The header's first byte, before which not even a space may stand.
  mutating func expectFirstBrace() throws(FileError) {
    guard next == UInt8(ascii: "{") else { throw expected("'{'") }
    position += 1
  }

  mutating func expect(_ scalar: Unicode.Scalar) throws(FileError) {
    skipWhitespace()
    guard next == UInt8(ascii: scalar) else { throw expected("'\(scalar)'") }
    position += 1
  }

  /// After the header's object nothing may follow but the padding that the format allows, spaces.
  mutating func expectPadding() throws(FileError) {
    while next == UInt8(ascii: " ") { position += 1 }
    guard next == nil else { throw expected("only spaces after the header's object") }
  }

  /// A list of non-negative integers, each at most `Int.max`.
  mutating func integers() throws(FileError) -> [Int] {
    try expect("[")
    var list: [Int] = []
    while try element(isFirst: list.isEmpty, closing: "]", "an integer") {
      try keep(2 * MemoryLayout<Int>.stride)
      list.append(try integer())
    }
    return list
  }

  private mutating func integer() throws(FileError) -> Int {
    let start = position
    while let byte = next, isNumeral(byte) { position += 1 }
    let token = bytes[start..<position]
    guard let first = token.first else { throw expected("a non-negative integer") }
    let isPlain = token.allSatisfy(isDigit) && (token.count == 1 || first != UInt8(ascii: "0"))
    let text = String(decoding: token.prefix(40), as: UTF8.self)
    guard isPlain else {
      throw error(
        "expected a non-negative integer without sign, fraction, exponent or leading zero, found \(text)", at: start)
    }
    guard token.count < 20, let value = Int(text) else {
      throw error("expected an integer of at most \(Int.max), found \(text)", at: start)
    }
    return value
  }

  private func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }

  private func isNumeral(_ byte: UInt8) -> Bool { isDigit(byte) || "+-.eE".utf8.contains(byte) }

  /// A string in quotes, its escapes resolved. The header is known to be UTF-8.
  mutating func string(_ what: String) throws(FileError) -> String {
    skipWhitespace()
    guard next == UInt8(ascii: "\"") else { throw expected(what) }
    position += 1
    var text: [UInt8] = []
    while let byte = next, byte != UInt8(ascii: "\"") {
      let start = position
      if byte < 0x20 { throw expected("control characters in a string to be escaped") }
      if byte == UInt8(ascii: "\\") {
        text.append(contentsOf: try escape())
      } else {
        text.append(byte)
        position += 1
      }
      try keep(position - start)
    }
    guard next != nil else { throw expected("the closing quote of a string") }
    position += 1
    return String(decoding: text, as: UTF8.self)
  }

  /// The UTF-8 of one escape. U+10000 and above are two `\u` in a row, a high and a low surrogate.
  private mutating func escape() throws(FileError) -> [UInt8] {
    let start = position
    position += 1
    if let escape = Self.escapes.first(where: { $0.letter == next }) {
      position += 1
      return [escape.character]
    }
    var units = [try codeUnit()]
    if UTF16.isLeadSurrogate(units[0]), bytes[position..<end].starts(with: "\\u".utf8) {
      position += 1
      units.append(try codeUnit())
    }
    guard let text = String(validating: units, as: UTF16.self) else {
      throw error("expected a pair of surrogates, found a lone one", at: start)
    }
    return Array(text.utf8)
  }

  private mutating func codeUnit() throws(FileError) -> UInt16 {
    guard next == UInt8(ascii: "u") else { throw expected("one of \"\\/bfnrtu after a backslash") }
    position += 1
    var unit: UInt16 = 0
    for _ in 0..<4 {
      guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw expected("four hexadecimal digits after \\u")
      }
      unit = unit << 4 | UInt16(digit)
      position += 1
    }
    return unit
  }

  private mutating func skipWhitespace() {
    while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
  }

  /// Counts `bytes` towards what the header's content may take in memory.
  mutating func keep(_ bytes: Int) throws(FileError) {
    content += bytes
    if content > Self.contentLimit {
      throw error("expected names, metadata and shapes of at most \(Self.contentLimit) bytes, found more", at: position)
    }
  }

  /// "expected `what`, found the byte that stands here".
  private func expected(_ what: String) -> FileError {
    let found =
      switch next {
      case nil: "the end of the header"
      case .some(let byte) where 0x20..<0x7F ~= byte: "'\(Unicode.Scalar(byte))'"
      case .some(let byte): "byte 0x" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    return error("expected \(what), found \(found)", at: position)
  }

  func error(_ problem: String, at position: Int) -> FileError {
    FileError(.malformed, path: path, "\(problem) at byte \(position)")
  }
}
