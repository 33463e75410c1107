/// The cases of the official reader's own tests (https://github.com/huggingface/safetensors: the tests of
/// `safetensors/src/tensor.rs` and of the Python bindings, and `attacks`), with F32 where those have I32.
extension BadFile {
  static let officialSafetensors: [BadFile] = [
    .init(
      "official: ten tensors over the same data", officialAttack(10), data: 16, "at offset 16, found 0: an overlap"),
    .init(
      "official: 100,000 tensors over the same data", officialAttack(100_000), data: 16,
      "names, metadata and shapes of at most 4194304 bytes, found more"),
    .init("official: polyglot", officialHeader("[0,16]"), data: 16 + 34, "found 50: 34 trailing at byte 84"),
    .init("official: two bytes missing", officialHeader("[0,16]"), data: 14, "found 14: 2 missing at byte 82"),
    .init(
      "official: header too large",
      bytes: [0x3C, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF] + safetensorsFile(officialHeader("[0,16]"), data: 16).dropFirst(8),
      "at most 100000000 bytes, found 18446742974197923900 at byte 0"),
    .init("official: header too small", bytes: [], "a model in safetensors, found an empty file: copy or"),
    .init("official: length alone", bytes: [0x3C, 0, 0, 0, 0, 0, 0, 0], "a header of 60 bytes, found 0 at byte 8"),
    .init("official: not UTF-8", bytes: safetensorsFile([0xFF]), "in UTF-8, found an invalid sequence at byte 8"),
    .init("official: not JSON", "{", "expected a name in quotes, found the end of the header at byte 9"),
    .init(
      "official: four bytes for four elements", officialHeader("[0, 4]"),
      "expected 16 bytes of F32 for shape [2, 2], found 4"),
    .init(
      "official: overflowing elements", officialHeader("[0,16]", shape: "[2,18446744073709551614]"), data: 16,
      "at most 9223372036854775807, found 18446744073709551614"),
    .init(
      "official: overflowing bytes", officialHeader("[0,16]", shape: "[2,9223372036854775807]"), data: 16,
      "a shape of at most 9223372036854775807 bytes, found [2, 9223372036854775807]"),
    .init("official: text", bytes: Array("something".utf8), "found text: give a model that 'kernelvlm train"),
    .init(
      "official: header cut in half", bytes: Array(safetensorsFile(officialHeader("[0,16]")).prefix(8 + 31)),
      "a header of 60 bytes, found 31 at byte 8"),
    .init(
      "official: 4 MiB promised", officialHeader("[0,4194304]", shape: "[1024,1024]"), data: 1,
      "expected 4194304 bytes of data, found 1: 4194303 missing"),
    .init(
      "official: length over the end",
      bytes: [0xE8, 3, 0, 0, 0, 0, 0, 0] + safetensorsFile(officialHeader("[0,16]"), data: 16).dropFirst(8),
      "a header of 1000 bytes, found 76 at byte 8"),
    .init("official: negative offsets", officialHeader("[-16,0]"), data: 16, "found -16 at byte"),
    .init("official: offsets out of the file", officialHeader("[16,32]"), data: 16, "at offset 0, found 16: a hole"),
  ]

  private static func officialAttack(_ count: Int) -> String {
    let tensor = #"{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}"#
    return "{\((0..<count).map { "\"weight_\($0)\":\(tensor)" }.joined(separator: ","))}"
  }
}

/// A file that the official reader's tests accept, and what is in it.
struct OfficialFile: Sendable {
  let bytes: [UInt8]
  var shapes: [[Int]] = []
  var metadata: [String: String] = [:]
}

/// One of them is left out on purpose: padding by a carriage return, a tab and a newline. The format allows spaces.
let officialValidFiles: [OfficialFile] = [
  OfficialFile(bytes: safetensorsFile("{}      ")),
  OfficialFile(
    bytes: safetensorsFile(#"{"__metadata__":{"framework":"pt"}}     "#), metadata: ["framework": "pt"]),
  OfficialFile(bytes: safetensorsFile(officialHeader("[0,16]"), data: 16), shapes: [[2, 2]]),
  OfficialFile(bytes: safetensorsFile(officialHeader("[0,4]", shape: "[]"), data: 4), shapes: [[]]),
  OfficialFile(bytes: safetensorsFile(officialHeader("[0, 0]", shape: "[2,0]")), shapes: [[2, 0]]),
  OfficialFile(
    bytes: safetensorsFile(officialHeader("[0,24]", shape: "[1,1,2,3]") + "       ", data: 24), shapes: [[1, 1, 2, 3]]),
  OfficialFile(
    bytes: safetensorsFile(
      #"{"__metadata__":{"framework":"pt"},"# + officialHeader("[0,16]").dropFirst() + "       ", data: 16),
    shapes: [[2, 2]], metadata: ["framework": "pt"]),
  OfficialFile(
    bytes: safetensorsFile(
      #"{"b":{"dtype":"F64","shape":[2,2],"data_offsets":[0,32]},"a":{"dtype":"F32","shape":[2,2],"#
        + #""data_offsets":[32,48]}}"#, data: 48), shapes: [[2, 2], [2, 2]]),
]

private func officialHeader(_ offsets: String, shape: String = "[2,2]") -> String {
  #"{"test":{"dtype":"F32","shape":\#(shape),"data_offsets":\#(offsets)}}"#
}
