import Foundation
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

private typealias Tensor = Safetensors.Tensor

/// Every kind of float that a conversion could damage: signed zeros, subnormals, the largest, infinities, both NaNs.
private let singles: [Float] = [
  0, 1, 0x8000_0000, 0x007F_FFFF, 0x7F7F_FFFF, 0x7F80_0000, 0xFF80_0000, 0x7FC0_0001, 0x7F80_0001, 0xBF80_0000,
].map { Float(bitPattern: $0) }
private let doubles: [Double] = [
  0, 1, 1 << 63, 0x000F_FFFF_FFFF_FFFF, 0x7FEF_FFFF_FFFF_FFFF, 0x7FF0_0000_0000_0000, 0x7FF8_0000_0000_0001,
  0x7FF0_0000_0000_0001, 0x3690_0000_0000_0000, 0xBFF0_0000_0000_0000,
].map { Double(bitPattern: $0) }

/// A file with both types, a scalar, an empty tensor, data that is not aligned, and text that needs escapes.
private let small = Safetensors(
  metadata: ["seed": "42", "quote \" \\ /": "tab\tnul\0 é 😀\u{7F}\n", "": ""],
  tensors: [
    Tensor("wte", shape: [3, 1], values: [1, -2.5, 0.1] as [Float]),
    Tensor("b\"\\/é😀", shape: [2], values: [0.1, -1e300] as [Double]),
    Tensor("scalar", shape: [], values: [7] as [Float]),
    Tensor("none", shape: [2, 0], values: [] as [Double]),
  ])

private func fixture(_ name: String) throws -> String {
  try #require(Bundle.module.path(forResource: name, ofType: "safetensors", inDirectory: "Fixtures"))
}

// Round trip

@Test func everyBitOfFloatsAndDoublesSurvivesARoundTrip() throws {
  let file = Safetensors(tensors: [
    Tensor("single", shape: [2, 5], values: singles), Tensor("double", shape: [10], values: doubles),
  ])
  let back = try Safetensors(decoding: file.encoded(), path: "x", allowNonFinite: true)
  #expect(back == file)
  #expect(try #require(back["single"]).values(as: Float.self).map(\.bitPattern) == singles.map(\.bitPattern))
  #expect(try #require(back["double"]).values(as: Double.self).map(\.bitPattern) == doubles.map(\.bitPattern))
}

@Test func namesMetadataShapesAndOrderSurviveARoundTrip() throws {
  let back = try Safetensors(decoding: small.encoded(), path: "x")
  #expect(back == small)
  #expect(back.tensors.map(\.name) == ["wte", "b\"\\/é😀", "scalar", "none"])
  #expect(back.tensors.map(\.count) == [3, 2, 1, 0])
  #expect(back["wpe"] == nil)
}

@Test func elementsAreConvertedToTheTypeAskedFor() {
  let narrow = Tensor("a", shape: [2], values: [0.1, 1] as [Float])
  #expect(narrow.values(as: Double.self) == [Double(Float(0.1)), 1])
  let wide = Tensor("b", shape: [3], values: [0.1, 1 + 0x1p-24, -1e300])
  #expect(wide.values(as: Float.self) == [0.1, 1, -.infinity])
}

@Test func theBytesAreTheOnesTheFormatDescribes() {
  let file = Safetensors(
    metadata: ["z": "2", "a": "1"],
    tensors: [
      Tensor("b", shape: [1, 1], values: [1] as [Float]), Tensor("a", shape: [], values: [-2] as [Double]),
    ])
  let header = """
    {"__metadata__":{"a":"1","z":"2"},"b":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},\
    "a":{"dtype":"F64","shape":[],"data_offsets":[4,12]}} \u{20}
    """
  #expect(header.utf8.count == 144)
  #expect(file.encoded() == safetensorsFile(header) + [0, 0, 0x80, 0x3F] + [0, 0, 0, 0, 0, 0, 0, 0xC0])
}

@Test func anEmptyFileHasTheShortestHeader() throws {
  let file = Safetensors(tensors: [])
  #expect(file.encoded() == safetensorsFile("{}      "))
  #expect(try Safetensors(decoding: file.encoded(), path: "x") == file)
}

// What the reader accepts

@Test func headersMayUseWhitespaceEscapesAndAnyOrder() throws {
  let header = """
    { "b" : { "data_offsets" : [ 4 , 8 ] , "shape":\t[ ] ,\r\n "dtype" : "F\\u0033\\u0032" } ,
      "__metadata__" : { "smile" : "\\ud83d\\uDE00\\/" } ,
      "\\u0061":{"dtype":"F32","shape":[1],"data_offsets":[0,4]} }  \u{20}
    """
  let file = try Safetensors(decoding: safetensorsFile(header, data: 8), path: "x")
  #expect(file.tensors.map(\.name) == ["a", "b"])
  #expect(file.metadata == ["smile": "😀/"])
}

@Test func aTensorSharesTheMemoryOfItsFile() throws {
  let bytes = small.encoded()
  let tensor = try #require(Safetensors(decoding: bytes, path: "x").tensors.first)
  let whole = bytes.withUnsafeBytes { $0.baseAddress.map(UInt.init(bitPattern:)) ?? 0 }
  let part = tensor.bytes.withUnsafeBytes { $0.baseAddress.map(UInt.init(bitPattern:)) ?? 0 }
  #expect(part == whole + UInt(tensor.bytes.startIndex))
}

@Test(arguments: [
  ("init-seed42", 22, 32_240), ("params-exact-step100", 22, 32_240), ("gradients-published-init-b", 22, 32_240),
])
func aFixtureHasEveryParameter(name: String, tensors: Int, values: Int) throws {
  let file = try Safetensors.load(try fixture(name))
  #expect(file.tensors.count == tensors)
  #expect(file.tensors.reduce(0) { $0 + $1.values(as: Double.self).count } == values)
  #expect(file["wte"]?.shape == [17, 32])
}

@Test func everyFixtureIsReadAndEncodesToTheSameContent() throws {
  let paths = Bundle.module.paths(forResourcesOfType: "safetensors", inDirectory: "Fixtures")
  #expect(paths.count == 32)
  for path in paths {
    let file = try Safetensors.load(path)
    #expect(try Safetensors(decoding: file.encoded(), path: path) == file)
  }
}

/// The legacy stream of seed 42 begins with 0.4967141530112327; the first tensor is drawn with deviation 0.05.
@Test func theSeed42FixtureBeginsWithNumPysFirstDraw() throws {
  let first = try #require(Safetensors.load(try fixture("init-seed42"))["bae.1.left"]).values(as: Double.self)
  #expect(first.first == 0.05 * 0.4967141530112327)
}

// What the reader refuses

@Test(arguments: (BadFile.safetensors + BadFile.officialSafetensors).filter { !$0.isHole })
func aBadFileIsRefusedWithWhatAndWhere(file: BadFile) {
  let error = fileError { () throws(FileError) in _ = try Safetensors(decoding: file.bytes, path: "some/file") }
  #expect(error?.kind == .malformed && error?.path == "some/file")
  let problem = error?.problem ?? "accepted"
  #expect(problem.contains(file.problem), "\(problem)")
  // What is no safetensors at all is named, and the rest has its place.
  let isForeign = problem.hasPrefix("expected a model in safetensors, found ")
  #expect(problem.contains("expected") && problem.contains("found"), "\(problem)")
  #expect(problem.contains(" at byte ") != isForeign, "\(problem)")
  #expect(problem.utf8.count < 400 && !problem.contains { $0.isNewline }, "\(problem)")
}

/// What the tests of the official reader accept, with F32 in place of I32.
@Test(arguments: officialValidFiles)
func whatTheOfficialTestsAcceptIsRead(file: OfficialFile) throws {
  let read = try Safetensors(decoding: file.bytes, path: "x")
  #expect(read.tensors.map(\.shape) == file.shapes)
  #expect(read.metadata == file.metadata)
}

/// RFC 8259 wants them escaped; a space and DEL stand as they are.
@Test func everyControlCharacterInAStringIsRefused() {
  for byte: UInt8 in 0...0x20 {
    let header = Array("{\"__metadata__\":{\"a\":\"".utf8) + [byte] + Array("\"}}".utf8)
    let error = fileError { () throws(FileError) in
      _ = try Safetensors(decoding: safetensorsFile(header), path: "x")
    }
    #expect(
      error?.problem.contains("control characters in a string to be escaped") ?? false == (byte < 0x20), "\(byte)")
  }
}

@Test func aFileCutAtAnyByteIsRefused() {
  let bytes = small.encoded()
  for count in bytes.indices {
    #expect(throws: FileError.self, "cut to \(count) bytes") {
      try Safetensors(decoding: Array(bytes[..<count]), path: "x")
    }
  }
}

@Test func aFileThatLacksAnyOneByteIsRefused() {
  let bytes = small.encoded()
  for i in bytes.indices {
    var damaged = bytes
    damaged.remove(at: i)
    #expect(throws: FileError.self, "without byte \(i)") { try Safetensors(decoding: damaged, path: "x") }
  }
}

/// The spans pin types, shapes and offsets; only names and metadata carry nothing that could contradict them. (So may an
/// empty tensor: [2, 0] and [3, 0] take the same space.)
@Test func noDamageToOneByteOfTheHeaderChangesATypeAShapeOrAValue() {
  let small = Safetensors(metadata: small.metadata, tensors: small.tensors.filter { $0.count > 0 })
  let bytes = small.encoded()
  let data = small.tensors.reduce(0) { $0 + $1.bytes.count }
  let header = bytes[8..<bytes.count - data]
  var accepted = 0
  func check(_ damaged: [UInt8], _ what: String) {
    let file = safetensorsFile(damaged) + bytes.suffix(data)
    guard let read = try? Safetensors(decoding: file, path: "x") else { return }
    accepted += 1
    #expect(read.tensors.map(\.type) == small.tensors.map(\.type), "\(what)")
    #expect(read.tensors.map(\.shape) == small.tensors.map(\.shape), "\(what)")
    #expect(read.tensors.map(\.bytes) == small.tensors.map(\.bytes), "\(what)")
  }
  for i in header.indices {
    check(Array(header[..<i] + header[(i + 1)...]), "without byte \(i)")
    for byte in UInt8.min...UInt8.max where byte != header[i] {
      check(Array(header[..<i] + [byte] + header[(i + 1)...]), "byte \(i) is \(byte)")
    }
  }
  #expect(accepted > 1000, "names and metadata can be damaged unseen")
}

@Test(arguments: [Float.nan, .infinity, -.infinity, .signalingNaN])
func aValueThatIsNotFiniteIsRefusedUnlessAskedFor(value: Float) throws {
  let narrow = Safetensors(tensors: [Tensor("a.b", shape: [2, 2], values: [0, 1, value, value])])
  let wide = Safetensors(tensors: [Tensor("a.b", shape: [2, 2], values: [0, 1, Double(value), 0])])
  for file in [narrow, wide] {
    let error = fileError { () throws(FileError) in _ = try Safetensors(decoding: file.encoded(), path: "x") }
    let found = value.isNaN ? "nan" : "\(value)"
    #expect(
      error?.problem.hasPrefix("expected finite values, found \(found) at index 2 of tensor \"a.b\" at byte ") == true,
      "\(error?.problem ?? "accepted")")
    #expect(try Safetensors(decoding: file.encoded(), path: "x", allowNonFinite: true).tensors.count == 1)
  }
}

@Test func tensorsThatDoNotFitTheModelAreRefusedByName() throws {
  let fitting = [(name: "scalar", shape: []), (name: "wte", shape: [3, 1])]
  let file = Safetensors(tensors: small.tensors.filter { ["wte", "scalar"].contains($0.name) })
  #expect(try file.tensors(matching: fitting, path: "x").map(\.name) == ["scalar", "wte"])
  for (expected, problem) in [
    (fitting + [(name: "wpe", shape: [36, 32])], "expected tensor \"wpe\" of shape [36, 32], found none"),
    ([(name: "wte", shape: [1, 3])], "expected shape [1, 3] for tensor \"wte\", found [3, 1]"),
    ([(name: "wte", shape: [3, 1])], "expected 1 tensors, found another: \"scalar\""),
  ] {
    let error = fileError { () throws(FileError) in _ = try file.tensors(matching: expected, path: "x") }
    #expect(error == FileError(.malformed, path: "x", problem))
  }
}

// Files

@Test func aMissingFileAFolderAndAPipeAreNoInput() async throws {
  try await withScratchFolder { folder in
    let pipe = folder + "/pipe"
    #expect(mkfifo(pipe, 0o600) == 0)
    for (path, reason) in [
      (folder + "/none", "No such file or directory"), (folder + "/none/none", "No such file or directory"),
      (folder, "expected a regular file, found a folder"), (pipe, "expected a regular file, found a named pipe"),
      ("/dev/zero", "expected a regular file, found a device or a socket"), ("", "No such file or directory"),
      (folder + "\0", "expected a path without NUL"),
    ] {
      let error = fileError { () throws(FileError) in _ = try Safetensors.load(path) }
      #expect(error == FileError(.missing, path: path, "could not read: \(reason)"))
    }
  }
}

@Test func aFileOverTheSizeLimitIsRefusedUnread() async throws {
  try await withScratchFolder { folder in
    let path = folder + "/large"
    #expect(FileManager.default.createFile(atPath: path, contents: nil))
    #expect(truncate(path, 1 << 40) == 0)
    let error = fileError { () throws(FileError) in _ = try Safetensors.load(path) }
    #expect(error == FileError(.malformed, path: path, "expected at most 1073741824 bytes, found 1099511627776"))
  }
}

/// 8 MB that would be several times as much if all that their header promises were kept.
private func largeFile(_ kind: String) -> [UInt8] {
  let size = 8 << 20
  func list(_ members: some Sequence<String>) -> String { members.joined(separator: ",") }
  func many(_ unit: String) -> String { String(repeating: unit, count: size / unit.utf8.count) }
  let none = #"{"dtype":"F32","shape":[0],"data_offsets":[0,0]}"#
  switch kind {
  case "metadata": return safetensorsFile("{\"__metadata__\":{\(list((0..<size / 12).map { "\"\($0)\":\"\"" }))}}")
  case "tensors": return safetensorsFile("{\(list((0..<size / 58).map { "\"\($0)\":\(none)" }))}")
  case "name": return safetensorsFile("{\"\(many("a"))\":\(none)}")
  case "shape": return safetensorsFile("{\"a\":{\"shape\":[\(many("1,"))1]}}")
  case "digits": return safetensorsFile("{\"a\":{\"shape\":[\(many("1"))]}}")
  case "spaces": return safetensorsFile("{}\(many(" "))")
  default:
    let values = [Float](repeating: 1, count: size / 4)
    return Safetensors(tensors: [Tensor("a", shape: [values.count], values: values)]).encoded()
  }
}

@Test(
  .enabled(if: !isSanitized, "sanitizers take memory of their own"),
  arguments: ["metadata", "tensors", "name", "shape", "digits", "spaces", "data"])
func readingTakesNoMoreMemoryThanTheFileAnd16MB(kind: String) async throws {
  let bytes = largeFile(kind)
  try await withScratchFolder { folder in
    try writeAtomically(bytes, to: folder + "/file")
    await #expect(processExitsWith: .success) {
      [path = folder + "/file" as String, bound = bytes.count + (16 << 20) as Int] in
      let before = peakMemory()
      _ = try? Safetensors.load(path)
      exit(before > 0 && peakMemory() - before <= bound ? 0 : 1)
    }
  }
}

/// The most that this process ever had in memory, in bytes: `VmHWM`.
private func peakMemory() -> Int {
  guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else { return 0 }
  let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
  return (line?.split(whereSeparator: \.isWhitespace).dropFirst().first).flatMap { Int($0) }.map { $0 * 1024 } ?? 0
}

@Test func whatIsSavedIsLoaded() async throws {
  try await withScratchFolder { folder in
    try small.save(folder + "/model.safetensors")
    #expect(try Safetensors.load(folder + "/model.safetensors") == small)
    #expect(try names(in: folder) == ["model.safetensors"])
  }
}

@Test(arguments: [
  (Safetensors(tensors: [small.tensors[0], small.tensors[0]]), "each tensor once, found \"wte\" again"),
  (Safetensors(tensors: [Tensor("a", shape: [], values: [Float.nan])]), "found nan at index 0 of tensor \"a\""),
  (Safetensors(tensors: [Tensor("a\n", shape: [], values: [Float(0)])]), "without control characters, found U+000A"),
  (Safetensors(tensors: [Tensor("__metadata__", shape: [], values: [Float(0)])]), "expected a metadata string"),
])
func whatWouldBeRefusedIsNotSaved(file: Safetensors, problem: String) async throws {
  try await withScratchFolder { folder in
    let path = folder + "/model.safetensors"
    try small.save(path)
    let error = fileError { () throws(FileError) in try file.save(path) }
    #expect(error?.kind == .malformed && error?.problem.contains(problem) == true, "\(String(describing: error))")
    #expect(try Safetensors.load(path) == small)
  }
}

@Test func aTensorWhoseValuesDoNotFillItsShapeIsAProgrammersError() async {
  await #expect(processExitsWith: .failure) {
    _ = Safetensors.Tensor("a", shape: [2, 2], values: [1, 2, 3] as [Float])
  }
}

// The official reader and writer

private let needsPython: Comment = "needs python3 with numpy and safetensors"

@Test(.enabled(if: pythonHasSafetensors, needsPython))
func threeLinesOfPythonReadACheckpoint() async throws {
  let model = try Safetensors.load(try fixture("init-seed42"))
  let floats = model.tensors.map { Tensor($0.name, shape: $0.shape, values: $0.values(as: Float.self)) }
  try await withScratchFolder { folder in
    try Safetensors(metadata: ["seed": "42"], tensors: floats).save(folder + "/model.safetensors")
    let script = """
      from safetensors.numpy import load_file
      w = load_file("model.safetensors")
      print(w["wte"].shape)
      """
    #expect(python(script, in: folder) == "(17, 32)\n")
  }
}

@Test(.enabled(if: pythonHasSafetensors, needsPython))
func pythonReadsEveryBitThatWeWrite() async throws {
  let special = [Tensor("single", shape: [2, 5], values: singles), Tensor("double", shape: [10], values: doubles)]
  let file = Safetensors(metadata: small.metadata, tensors: small.tensors + special)
  try await withScratchFolder { folder in
    try file.save(folder + "/ours", allowNonFinite: true)
    let script = """
      import safetensors, sys
      from safetensors.numpy import load_file
      sys.stdout.reconfigure(encoding="utf-8")
      w = load_file("ours")
      for name in sorted(w, key=lambda n: n.encode()):
        print(name, w[name].dtype, list(w[name].shape), w[name].tobytes().hex())
      with safetensors.safe_open("ours", "numpy") as f:
        print(*sorted(f"{k}={v}".encode().hex() for k, v in f.metadata().items()))
      """
    var lines = file.tensors.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }.map { tensor in
      "\(tensor.name) \(tensor.type == .float32 ? "float32" : "float64") \(tensor.shape) \(hex(tensor.bytes))\n"
    }
    lines.append(file.metadata.map { hex("\($0.key)=\($0.value)".utf8) }.sorted().joined(separator: " ") + "\n")
    #expect(python(script, in: folder) == lines.joined())
  }
}

@Test(.enabled(if: pythonHasSafetensors, needsPython))
func weReadEveryBitThatPythonWrites() async throws {
  let script = """
    import numpy as np
    from safetensors.numpy import save_file
    singles = np.array([\(singles.map { "\($0.bitPattern)" }.joined(separator: ","))], np.uint32).view(np.float32)
    doubles = np.array([\(doubles.map { "\($0.bitPattern)" }.joined(separator: ","))], np.uint64).view(np.float64)
    save_file({"single": singles.reshape(2, 5), "q\\"\\\\/é😀": doubles, "scalar": np.array(7, np.float32),
      "none": np.zeros((2, 0), np.float64), "": np.ones((1, 1, 3), np.float32)},
      "theirs", metadata={"a": "\\t\\0\\"é😀", "b": ""})
    """
  try await withScratchFolder { folder in
    #expect(python(script, in: folder) == "")
    let file = try Safetensors.load(folder + "/theirs", allowNonFinite: true)
    #expect(file.metadata == ["a": "\t\0\"é😀", "b": ""])
    #expect(file.tensors.count == 5)
    #expect(file["single"] == Tensor("single", shape: [2, 5], values: singles))
    #expect(file["q\"\\/é😀"] == Tensor("q\"\\/é😀", shape: [10], values: doubles))
    #expect(file["scalar"] == Tensor("scalar", shape: [], values: [Float(7)]))
    #expect(file["none"] == Tensor("none", shape: [2, 0], values: [] as [Double]))
    #expect(file[""] == Tensor("", shape: [1, 1, 3], values: [1, 1, 1] as [Float]))
  }
}

@Test(.enabled(if: pythonHasSafetensors, needsPython))
func theOfficialReaderAgreesAboutTheFilesOfItsOwnTests() async throws {
  let script = """
    import safetensors
    for line in open("files"):
      try: safetensors.deserialize(bytes.fromhex(line))
      except safetensors.SafetensorError: print("refused")
      else: print("accepted")
    """
  let refused = BadFile.officialSafetensors.map(\.bytes)
  let accepted = officialValidFiles.map(\.bytes)
  try await withScratchFolder { folder in
    try writeAtomically(Array((refused + accepted).map { hex($0) + "\n" }.joined().utf8), to: folder + "/files")
    let verdicts = refused.map { _ in "refused\n" } + accepted.map { _ in "accepted\n" }
    #expect(python(script, in: folder) == verdicts.joined())
  }
}

/// Each header byte of a small file is replaced by bytes that mean something in JSON.
@Test(.enabled(if: pythonHasSafetensors, needsPython))
func whatWeAcceptTheOfficialReaderAccepts() async throws {
  let bytes = small.encoded()
  var accepted: [[UInt8]] = []
  for i in 8..<bytes.count - 32 {
    for byte in Array("{}[],:\"\\ 0123456789-.eEuabF\t\n\0\u{7F}".utf8) + [0x80, 0xC3, 0xF0, 0xFF] {
      var damaged = bytes
      damaged[i] = byte
      if (try? Safetensors(decoding: damaged, path: "x")) != nil { accepted.append(damaged) }
    }
  }
  #expect(accepted.count > 1000)
  let script = """
    import safetensors
    files = [bytes.fromhex(line) for line in open("accepted")]
    for file in files: safetensors.deserialize(file)
    print(len(files))
    """
  try await withScratchFolder { folder in
    try writeAtomically(Array(accepted.map { hex($0) + "\n" }.joined().utf8), to: folder + "/accepted")
    #expect(python(script, in: folder) == "\(accepted.count)\n")
  }
}

private func hex(_ bytes: some Sequence<UInt8>) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
