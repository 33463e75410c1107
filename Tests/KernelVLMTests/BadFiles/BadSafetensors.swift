@testable import KernelVLM
@testable import KernelVLMCore

extension BadFile {
  init(_ name: String, _ header: String, data: Int = 0, _ problem: String) {
    self.init(name, bytes: safetensorsFile(header, data: data), problem)
  }

  /// One tensor `a` with these members, and 16 bytes of data.
  static func tensor(_ name: String, _ members: String, _ problem: String) -> BadFile {
    BadFile(name, "{\"a\":{\(members)}}", data: 16, problem)
  }

  /// A tensor `a` with this shape, and 16 bytes of data.
  static func shape(_ name: String, _ shape: String, _ problem: String) -> BadFile {
    tensor(name, #""dtype":"F32","shape":\#(shape),"data_offsets":[0,16]"#, problem)
  }

  /// A tensor `a` of four F32 with these offsets, and 16 bytes of data.
  static func offsets(_ name: String, _ offsets: String, _ problem: String) -> BadFile {
    tensor(name, #""dtype":"F32","shape":[4],"data_offsets":\#(offsets)"#, problem)
  }

  /// Two tensors `a` and `b` of `counts` F32 at these offsets, and 16 bytes of data.
  static func pair(
    _ name: String, _ a: (Int, String), _ b: (Int, String), _ problem: String
  ) -> BadFile {
    let header = """
      {"a":{"dtype":"F32","shape":[\(a.0)],"data_offsets":\(a.1)},\
      "b":{"dtype":"F32","shape":[\(b.0)],"data_offsets":\(b.1)}}
      """
    return BadFile(name, header, data: 16, problem)
  }

  /// A tensor `a` of four values, the last two of which are `value`.
  static func value(_ name: String, _ value: Float, _ problem: String) -> BadFile {
    let tensor = Safetensors.Tensor("a", shape: [4], values: [0, 1, value, value])
    return BadFile(name, bytes: Safetensors(tensors: [tensor]).encoded(), problem)
  }

  static func value(_ name: String, _ value: Double, _ problem: String) -> BadFile {
    let tensor = Safetensors.Tensor("a", shape: [4], values: [0, 1, value, value])
    return BadFile(name, bytes: Safetensors(tensors: [tensor]).encoded(), problem)
  }
}

extension BadFile {
  static let safetensors =
    beginnings + otherFormats + syntax + strings + metadataObjects + members + dtypes + numbers + offsetLists + layout
    + values + limits

  private static let four = #"{"dtype":"F32","shape":[4],"data_offsets":[0,16]}"#
  private static let none = #"{"dtype":"F32","shape":[0],"data_offsets":[0,0]}"#

  private static let beginnings: [BadFile] = [
    .init("empty file", bytes: [], "expected a model in safetensors, found an empty file: copy or download it again"),
    .init("seven bytes", bytes: [2, 0, 0, 0, 0, 0, 0], "expected 8 bytes of header length at byte 0, found 7"),
    .init(
      "length of 2^64 - 1", bytes: [UInt8](repeating: 255, count: 8), "at most 100000000 bytes, found 18446744073709"),
    .init("length of 2^63", bytes: [0, 0, 0, 0, 0, 0, 0, 128], "at most 100000000 bytes, found 9223372036854775808"),
    .init("length of 100 MB and one", bytes: [1, 225, 245, 5, 0, 0, 0, 0, 123, 125], "found 100000001 at byte 0"),
    .init("length past the end", bytes: [3, 0, 0, 0, 0, 0, 0, 0, 123, 125], "a header of 3 bytes, found 2 at byte 8"),
    .init("length in big endian", bytes: [0, 0, 0, 0, 0, 0, 0, 2, 123, 125], "found 144115188075855872 at byte 0"),
    .init("no header", "", "expected '{', found the end of the header at byte 8"),
    .init("space before the object", " {}", "expected '{', found ' ' at byte 8"),
    .init("byte-order mark", "\u{FEFF}{}", "expected '{', found byte 0xEF at byte 8"),
    .init("list", "[]", "expected '{', found '[' at byte 8"),
    .init("string", "\"a\"", "expected '{', found '\"' at byte 8"),
    .init("null", "null", "expected '{', found 'n' at byte 8"),
    .init(
      "lone continuation byte", bytes: safetensorsFile([123, 34, 128, 34, 125]),
      "in UTF-8, found an invalid sequence at byte 10"),
    .init(
      "overlong UTF-8", bytes: safetensorsFile([123, 34, 0xC0, 0xAF, 34, 125]),
      "in UTF-8, found an invalid sequence at byte 10"),
    .init(
      "surrogate in UTF-8", bytes: safetensorsFile([123, 34, 0xED, 0xA0, 0x80, 34, 125]),
      "in UTF-8, found an invalid sequence at byte 10"),
    .init(
      "above U+10FFFF", bytes: safetensorsFile([123, 34, 0xF4, 0x90, 0x80, 0x80, 34, 125]),
      "in UTF-8, found an invalid sequence at byte 10"),
    .init(
      "cut UTF-8 sequence", bytes: safetensorsFile([123, 125, 0xE2, 0x82]),
      "in UTF-8, found an invalid sequence at byte 10"),
    .init("length of 100 MB", bytes: [0, 225, 245, 5, 0, 0, 0, 0, 123, 125], "a header of 100000000 bytes, found 2"),
    .init("length in four bytes", bytes: [2, 0, 0, 0, 123, 125], "8 bytes of header length at byte 0, found 6"),
    .init("length that counts itself", bytes: [10, 0, 0, 0, 0, 0, 0, 0, 123, 125], "a header of 10 bytes, found 2"),
    .init(
      "length one short", bytes: [1, 0, 0, 0, 0, 0, 0, 0, 123, 125],
      "expected a name in quotes, found the end of the header at byte 9"),
    .init("length of 0 before data", "", data: 16, "expected '{', found the end of the header at byte 8"),
    .init("newline before the object", "\n{}", "expected '{', found byte 0x0A at byte 8"),
    .init("number", "1", "expected '{', found '1' at byte 8"),
    .init("true", "true", "expected '{', found 't' at byte 8"),
    .init("UTF-16", bytes: safetensorsFile([123, 0, 125, 0]), "expected a name in quotes, found byte 0x00 at byte 9"),
    .init(
      "name in Latin-1", bytes: safetensorsFile([123, 34, 0xE9, 34, 125]),
      "in UTF-8, found an invalid sequence at byte 10"),
    .init(
      "UTF-8 of five bytes", bytes: safetensorsFile([123, 34, 0xF8, 0x88, 0x80, 0x80, 0x80, 34, 125]),
      "in UTF-8, found an invalid sequence at byte 10"),
  ]

  private static let syntax: [BadFile] = [
    .init("open object", "{", "expected a name in quotes, found the end of the header at byte 9"),
    .init("comma only", "{,}", "expected a name in quotes, found ',' at byte 9"),
    .init("trailing comma", #"{"a":\#(none),}"#, "expected a name in quotes, found '}'"),
    .init("two commas", #"{"a":\#(none),,"b":\#(none)}"#, "expected a name in quotes, found ','"),
    .init("no comma", #"{"a":\#(none)"b":\#(none)}"#, "expected ',' or '}', found '\"'"),
    .init("no colon", #"{"a"\#(none)}"#, "expected ':', found '{' at byte 12"),
    .init("equals sign", #"{"a"=\#(none)}"#, "expected ':', found '=' at byte 12"),
    .init("single quotes", "{'a':\(none)}", "expected a name in quotes, found ''' at byte 9"),
    .init("bare name", "{a:\(none)}", "expected a name in quotes, found 'a' at byte 9"),
    .init("comment", "{/**/}", "expected a name in quotes, found '/' at byte 9"),
    .init("form feed as space", "{\u{C}}", "expected a name in quotes, found byte 0x0C at byte 9"),
    .init("no-break space", "{\u{A0}}", "expected a name in quotes, found byte 0xC2 at byte 9"),
    .init("wrong bracket", #"{"a":\#(none)]"#, "expected ',' or '}', found ']'"),
    .init("second object", "{}{}", "expected only spaces after the header's object, found '{' at byte 10"),
    .init("newline as padding", "{} \n", "expected only spaces after the header's object, found byte 0x0A at byte 11"),
    .init("NUL as padding", "{}\0\0", "expected only spaces after the header's object, found byte 0x00 at byte 10"),
    .init("tensor in a list", #"{"a":[\#(none)]}"#, "expected '{', found '[' at byte 13"),
    .init("tensor that is null", #"{"a":null}"#, "expected '{', found 'n' at byte 13"),
    .init("tensor that is a number", #"{"a":1}"#, "expected '{', found '1' at byte 13"),
    .init(
      "deep nesting", #"{"a":"# + String(repeating: #"{"a":"#, count: 100_000),
      "found \"a\" for tensor \"a\" at byte 14"),
    .init("deep lists", String(repeating: "[", count: 100_000), "expected '{', found '[' at byte 8"),
    .init("two colons", #"{"a"::\#(none)}"#, "expected '{', found ':' at byte 13"),
    .init("semicolon", #"{"a":\#(none);"b":\#(none)}"#, "expected ',' or '}', found ';'"),
    .init("name alone", #"{"a"}"#, "expected ':', found '}' at byte 12"),
    .init("end after a name", #"{"a""#, "expected ':', found the end of the header at byte 12"),
    .init("end after a colon", #"{"a":"#, "expected '{', found the end of the header at byte 13"),
    .init(
      "end within a tensor", #"{"a":{"dtype":"F32""#, "expected ',' or '}', found the end of the header at byte 27"),
    .init("end after a tensor", #"{"a":\#(none)"#, "expected ',' or '}', found the end of the header"),
    .init("brace too many", "{}}", "expected only spaces after the header's object, found '}' at byte 10"),
    .init("comment at the end", "{}//", "expected only spaces after the header's object, found '/' at byte 10"),
    .init("tab as padding", "{}\t", "expected only spaces after the header's object, found byte 0x09 at byte 10"),
    .init("vertical tab as space", "{\u{B}}", "expected a name in quotes, found byte 0x0B at byte 9"),
    .init("number as a name", #"{1:\#(none)}"#, "expected a name in quotes, found '1' at byte 9"),
    .init("null as a name", #"{null:\#(none)}"#, "expected a name in quotes, found 'n' at byte 9"),
    .init("tensor that is a string", #"{"a":"b"}"#, "expected '{', found '\"' at byte 13"),
    .init("tensor that is true", #"{"a":true}"#, "expected '{', found 't' at byte 13"),
    .init(
      "deep nesting in the metadata", #"{"__metadata__":"# + String(repeating: #"{"a":"#, count: 100_000),
      "expected a metadata string in quotes, found '{' at byte 29"),
    .shape("deep lists in the shape", String(repeating: "[", count: 100_000), "integer, found '[' at byte 37"),
    .tensor(
      "deep nesting for a dtype", #""dtype":"# + String(repeating: #"{"dtype":"#, count: 100_000),
      "expected a dtype in quotes, found '{' at byte 22"),
  ]

  private static let strings: [BadFile] = [
    .init("open string", #"{"a"#, "expected the closing quote of a string, found the end of the header at byte 11"),
    .init(
      "raw NUL in a name", "{\"a\0\":\(none)}",
      "control characters in a string to be escaped, found byte 0x00 at byte 11"),
    .init(
      "raw newline in a name", "{\"a\n\":\(none)}",
      "control characters in a string to be escaped, found byte 0x0A at byte 11"),
    .init(
      "escaped NUL in a name", #"{"a\u0000":\#(none)}"#, "a name without control characters, found U+0000 at byte 9"),
    .init(
      "escaped newline in a name", #"{"a\n":\#(none)}"#, "a name without control characters, found U+000A at byte 9"),
    .init(
      "escape character in a name", #"{"\u001b[2J":\#(none)}"#,
      "a name without control characters, found U+001B at byte 9"),
    .init("DEL in a name", "{\"\u{7F}\":\(none)}", "a name without control characters, found U+007F at byte 9"),
    .init("C1 control in a name", "{\"\u{9B}\":\(none)}", "a name without control characters, found U+009B at byte 9"),
    .init(
      "unknown escape", #"{"\x41":\#(none)}"#, "expected one of \"\\/bfnrtu after a backslash, found 'x' at byte 11"),
    .init(
      "upper-case escape", #"{"\U0041":\#(none)}"#,
      "expected one of \"\\/bfnrtu after a backslash, found 'U' at byte 11"),
    .init("escape at the end", #"{"a\"#, "after a backslash, found the end of the header at byte 12"),
    .init("escaped closing quote", #"{"a\"}"#, "expected the closing quote of a string, found the end of the header"),
    .init(
      "three digits after u", #"{"\u041":\#(none)}"#,
      "expected four hexadecimal digits after \\u, found '\"' at byte 15"),
    .init(
      "letter g after u", #"{"\u00g1":\#(none)}"#, "expected four hexadecimal digits after \\u, found 'g' at byte 14"),
    .init("sign after u", #"{"\u+041":\#(none)}"#, "expected four hexadecimal digits after \\u, found '+' at byte 12"),
    .init("lone high surrogate", #"{"\ud83d":\#(none)}"#, "expected a pair of surrogates, found a lone one at byte 10"),
    .init("lone low surrogate", #"{"\ude00":\#(none)}"#, "expected a pair of surrogates, found a lone one at byte 10"),
    .init(
      "two high surrogates", #"{"\ud83d\ud83d":\#(none)}"#, "expected a pair of surrogates, found a lone one at byte 10"
    ),
    .init(
      "high surrogate and a letter", #"{"\ud83d\u0041":\#(none)}"#,
      "expected a pair of surrogates, found a lone one at byte 10"),
    .init(
      "high surrogate and a newline", #"{"\ud83d\n":\#(none)}"#,
      "expected a pair of surrogates, found a lone one at byte 10"),
    .init("escaped tab in a name", #"{"\t":\#(none)}"#, "a name without control characters, found U+0009 at byte 9"),
    .init(
      "escaped DEL in a name", #"{"\u007f":\#(none)}"#, "a name without control characters, found U+007F at byte 9"),
    .init(
      "escaped C1 control in a name", #"{"\u0085":\#(none)}"#,
      "a name without control characters, found U+0085 at byte 9"),
    .init("raw escape character", "{\"\u{1B}\":\(none)}", "to be escaped, found byte 0x1B at byte 10"),
    .init("escaped apostrophe", #"{"\'":\#(none)}"#, "after a backslash, found ''' at byte 11"),
    .init("backslash and a newline", "{\"\\\n\":\(none)}", "after a backslash, found byte 0x0A at byte 11"),
    .init(
      "end within an escape", #"{"\u00"#, "four hexadecimal digits after \\u, found the end of the header at byte 14"),
    .init("wide digit after u", #"{"\u００41":\#(none)}"#, "hexadecimal digits after \\u, found byte 0xEF at byte 12"),
    .init("surrogates in reverse", #"{"\ude00\ud83d":\#(none)}"#, "a pair of surrogates, found a lone one at byte 10"),
    .init("high surrogate and text", #"{"\ud83dabcd":\#(none)}"#, "a pair of surrogates, found a lone one at byte 10"),
    .init(
      "separator and direction in a name", "{\"a\u{2028}\u{202E}\":{}}",
      #"found no dtype for tensor "a\u{2028}\u{202E}" at byte 9"#),
    .init(
      "name of a thousand letters", "{\"\(String(repeating: "a", count: 1000))\":{}}",
      "found no dtype for tensor \"\(String(repeating: "a", count: 80))\"… at byte 9"),
  ]

  private static let metadataObjects: [BadFile] = [
    .init("metadata that is a string", #"{"__metadata__":"a"}"#, "expected '{', found '\"' at byte 24"),
    .init("metadata that is null", #"{"__metadata__":null}"#, "expected '{', found 'n' at byte 24"),
    .init(
      "number in the metadata", #"{"__metadata__":{"a":1}}"#,
      "expected a metadata string in quotes, found '1' at byte 29"),
    .init(
      "true in the metadata", #"{"__metadata__":{"a":true}}"#,
      "expected a metadata string in quotes, found 't' at byte 29"),
    .init(
      "null in the metadata", #"{"__metadata__":{"a":null}}"#,
      "expected a metadata string in quotes, found 'n' at byte 29"),
    .init(
      "object in the metadata", #"{"__metadata__":{"a":{}}}"#,
      "expected a metadata string in quotes, found '{' at byte 29"),
    .init(
      "list in the metadata", #"{"__metadata__":{"a":["b"]}}"#,
      "expected a metadata string in quotes, found '[' at byte 29"),
    .init(
      "trailing comma in the metadata", #"{"__metadata__":{"a":"b",}}"#,
      "expected a name in quotes, found '}' at byte 33"),
    .init(
      "metadata key twice", #"{"__metadata__":{"a":"b","a":"b"}}"#,
      "each metadata key once, found \"a\" again at byte 33"),
    .init(
      "metadata key twice, escaped", #"{"__metadata__":{"a":"b","\u0061":"b"}}"#,
      "each metadata key once, found \"a\" again at byte 33"),
    .init(
      "metadata twice", #"{"__metadata__":{},"__metadata__":{}}"#,
      "each tensor once, found \"__metadata__\" again at byte 27"),
    .init(
      "NUL in a metadata key", #"{"__metadata__":{"\u0000":"b"}}"#,
      "a name without control characters, found U+0000 at byte 25"),
    .init(
      "raw tab in a metadata value", "{\"__metadata__\":{\"a\":\"\t\"}}", "to be escaped, found byte 0x09 at byte 30"),
    .init("metadata that is a list", #"{"__metadata__":[]}"#, "expected '{', found '[' at byte 24"),
    .init("metadata that is a number", #"{"__metadata__":0}"#, "expected '{', found '0' at byte 24"),
    .init("end within the metadata", #"{"__metadata__":{"a":"b""#, "expected ',' or '}', found the end of the header"),
    .init(
      "metadata key twice, in another Unicode form", #"{"__metadata__":{"\u00e9":"b","e\u0301":"b"}}"#,
      "each metadata key once, found \"e\u{301}\" again at byte 38"),
    .init(
      "metadata in upper case", #"{"__METADATA__":{"a":"b"}}"#, "once each, found \"a\" for tensor \"__METADATA__\""),
    .init(
      "metadata within a tensor", #"{"a":{"__metadata__":{}}}"#, "once each, found \"__metadata__\" for tensor \"a\""),
    .init(
      "lone surrogate in a metadata value", #"{"__metadata__":{"a":"\udc00"}}"#,
      "a pair of surrogates, found a lone one at byte 30"),
    .init("C1 control in a metadata key", "{\"__metadata__\":{\"\u{85}\":\"\"}}", "found U+0085 at byte 25"),
  ]

  private static let members: [BadFile] = [
    .tensor("no members", "", "found no dtype for tensor \"a\" at byte 9"),
    .tensor("no dtype", #""shape":[4],"data_offsets":[0,16]"#, "found no dtype for tensor \"a\" at byte 9"),
    .tensor("no shape", #""dtype":"F32","data_offsets":[0,16]"#, "found no shape for tensor \"a\" at byte 9"),
    .tensor("no offsets", #""dtype":"F32","shape":[4]"#, "found no data_offsets for tensor \"a\" at byte 9"),
    .tensor(
      "unknown member", #""dtype":"F32","strides":[1]"#, "once each, found \"strides\" for tensor \"a\" at byte 28"),
    .tensor("upper-case member", #""DTYPE":"F32""#, "once each, found \"DTYPE\" for tensor \"a\" at byte 14"),
    .tensor("dtype twice", #""dtype":"F32","dtype":"F32""#, "once each, found \"dtype\" for tensor \"a\" at byte 28"),
    .tensor("shape twice", #""shape":[4],"shape":[4]"#, "once each, found \"shape\" for tensor \"a\" at byte 26"),
    .tensor("offsets twice", #""data_offsets":[0,16],"data_offsets":[0,16]"#, "once each, found \"data_offsets\""),
    .tensor("trailing comma in a tensor", #""dtype":"F32",}"#, "expected a name in quotes, found '}' at byte 28"),
    .tensor(
      "dtype BF16", #""dtype":"BF16","shape":[8],"data_offsets":[0,16]"#,
      "expected dtype F32 or F64, found \"BF16\" for tensor \"a\""),
    .tensor(
      "dtype I64", #""dtype":"I64","shape":[2],"data_offsets":[0,16]"#,
      "expected dtype F32 or F64, found \"I64\" for tensor \"a\""),
    .tensor(
      "dtype in lower case", #""dtype":"f32","shape":[4],"data_offsets":[0,16]"#,
      "expected dtype F32 or F64, found \"f32\""),
    .tensor(
      "dtype of NumPy", #""dtype":"<f4","shape":[4],"data_offsets":[0,16]"#, "expected dtype F32 or F64, found \"<f4\""),
    .tensor(
      "dtype with a NUL", #""dtype":"F32\u0000","shape":[4],"data_offsets":[0,16]"#, #"F32 or F64, found "F32\0" for"#),
    .tensor(
      "dtype that is a number", #""dtype":32,"shape":[4],"data_offsets":[0,16]"#,
      "expected a dtype in quotes, found '3' at byte 22"),
    .init(
      "tensor twice", #"{"a":\#(four),"a":\#(four)}"#, data: 16,
      "expected each tensor once, found \"a\" again at byte 63"),
    .init(
      "tensor twice, escaped", #"{"a":\#(four),"\u0061":\#(four)}"#, data: 16,
      "expected each tensor once, found \"a\" again"),
    .tensor(
      "offsets of the first draft", #""dtype":"F32","shape":[4],"offsets":[0,16]"#,
      "once each, found \"offsets\" for tensor \"a\""),
    .tensor("member without a name", #""":"F32""#, "once each, found \"\" for tensor \"a\" at byte 14"),
    .tensor(
      "dtype twice, escaped", #""dtype":"F32","\u0064type":"F32""#, "once each, found \"dtype\" for tensor \"a\""),
    .tensor("dtype that is null", #""dtype":null"#, "expected a dtype in quotes, found 'n' at byte 22"),
    .tensor("dtype that is a list", #""dtype":["F32"]"#, "expected a dtype in quotes, found '[' at byte 22"),
    .tensor("dtype that is a line", #""dtype":"F\n\u2029""#, #"F32 or F64, found "F\n\u{2029}" for tensor"#),
    .init(
      "tensor twice, in another Unicode form", #"{"\u00e9":\#(none),"e\u0301":\#(none)}"#,
      "expected each tensor once, found \"e\u{301}\" again"),
  ]

  private static let numbers: [BadFile] = [
    .shape("shape that is a number", "4", "expected '[', found '4' at byte 36"),
    .shape("shape that is a string", "\"4\"", "expected '[', found '\"' at byte 36"),
    .shape("shape that is an object", "{}", "expected '[', found '{' at byte 36"),
    .shape("nested shape", "[[4]]", "expected a non-negative integer, found '[' at byte 37"),
    .shape("string in the shape", "[\"4\"]", "expected a non-negative integer, found '\"' at byte 37"),
    .shape("null in the shape", "[null]", "expected a non-negative integer, found 'n' at byte 37"),
    .shape("true in the shape", "[true]", "expected a non-negative integer, found 't' at byte 37"),
    .shape("trailing comma in the shape", "[4,]", "expected a non-negative integer, found ']' at byte 39"),
    .shape("no comma in the shape", "[2 2]", "expected ',' or ']', found '2' at byte 39"),
    .shape("negative dimension", "[-4]", "found -4 at byte 37"),
    .shape("negative zero", "[4,-0]", "found -0 at byte 39"),
    .shape("plus sign", "[+4]", "found +4 at byte 37"),
    .shape("fraction", "[4.0]", "found 4.0 at byte 37"),
    .shape("exponent", "[4e0]", "found 4e0 at byte 37"),
    .shape("upper-case exponent", "[4E0]", "found 4E0 at byte 37"),
    .shape("leading zero", "[04]", "found 04 at byte 37"),
    .shape("hexadecimal", "[0x4]", "expected ',' or ']', found 'x' at byte 38"),
    .shape("NaN", "[NaN]", "expected a non-negative integer, found 'N' at byte 37"),
    .shape("2^63", "[9223372036854775808]", "at most 9223372036854775807, found 9223372036854775808 at byte 37"),
    .shape("2^64 + 4", "[18446744073709551620]", "at most 9223372036854775807, found 18446744073709551620 at byte 37"),
    .shape(
      "a million digits", "[\(String(repeating: "9", count: 1_000_000))]",
      "found \(String(repeating: "9", count: 40)) at byte 37"),
    .shape(
      "product of 2^64 + 16", "[4611686018427387908]",
      "a shape of at most 9223372036854775807 bytes, found [4611686018427387908]"),
    .shape(
      "overflowing product", "[4294967296,4294967296]",
      "bytes, found [4294967296, 4294967296] for tensor \"a\" at byte 9"),
    .shape("open shape", "[4", "expected a non-negative integer, found '\"' at byte 39"),
    .shape("Infinity", "[Infinity]", "expected a non-negative integer, found 'I' at byte 37"),
    .shape("underscore", "[1_6]", "expected ',' or ']', found '_' at byte 38"),
    .shape("sign alone", "[-]", "found - at byte 37"),
    .shape("point alone", "[.]", "found . at byte 37"),
    .shape("two points", "[1.2.3]", "found 1.2.3 at byte 37"),
    .shape("two commas in the shape", "[4,,1]", "expected a non-negative integer, found ',' at byte 39"),
    .shape(
      "overflow before a zero", "[4294967296,4294967296,0]", "bytes, found [4294967296, 4294967296, 0] for tensor \"a\""
    ),
    .shape("many dimensions", "[1,1,1,1,1,1,1,1,1,5]", "and 2 more, found 16 for tensor \"a\" at byte 9"),
  ]

  private static let layout: [BadFile] = [
    .shape(
      "shape larger than the span", "[5]", "expected 20 bytes of F32 for shape [5], found 16 for tensor \"a\" at byte 9"
    ),
    .shape(
      "shape smaller than the span", "[3]",
      "expected 12 bytes of F32 for shape [3], found 16 for tensor \"a\" at byte 9"),
    .shape(
      "shape with a zero", "[4,0]", "expected 0 bytes of F32 for shape [4, 0], found 16 for tensor \"a\" at byte 9"),
    .shape(
      "scalar over four elements", "[]", "expected 4 bytes of F32 for shape [], found 16 for tensor \"a\" at byte 9"),
    .tensor(
      "F64 over bytes of F32", #""dtype":"F64","shape":[4],"data_offsets":[0,16]"#,
      "expected 32 bytes of F64 for shape [4], found 16"),
    .offsets("no offset", "[]", "expected data_offsets [begin, end], found [] for tensor \"a\" at byte 9"),
    .offsets("one offset", "[16]", "expected data_offsets [begin, end], found [16]"),
    .offsets("three offsets", "[0,8,16]", "expected data_offsets [begin, end], found [0, 8, 16]"),
    .offsets("offsets in reverse", "[16,0]", "expected data_offsets [begin, end], found [16, 0]"),
    .offsets("negative offset", "[-16,0]", "found -16 at byte"),
    .offsets(
      "offsets past the end", "[16,32]", "expected the data of tensor \"a\" at offset 0, found 16: a hole at byte 9"),
    .offsets(
      "offsets near Int.max", "[9223372036854775791,9223372036854775807]",
      "at offset 0, found 9223372036854775791: a hole"),
    .init("missing data", #"{"a":\#(four)}"#, data: 15, "expected 16 bytes of data, found 15: 1 missing at byte 78"),
    .init("trailing data", #"{"a":\#(four)}"#, data: 17, "expected 16 bytes of data, found 17: 1 trailing at byte 79"),
    .init("data without a tensor", "{}", data: 1, "expected 0 bytes of data, found 1: 1 trailing at byte 10"),
    .init("empty tensor with data", #"{"a":\#(none)}"#, data: 4, "expected 0 bytes of data, found 4: 4 trailing"),
    .pair(
      "overlap", (3, "[0,12]"), (2, "[8,16]"), "the data of tensor \"b\" at offset 12, found 8: an overlap at byte 63"),
    .pair("same span", (4, "[0,16]"), (4, "[0,16]"), "the data of tensor \"b\" at offset 16, found 0: an overlap"),
    .pair(
      "span within another", (4, "[0,16]"), (1, "[4,8]"), "the data of tensor \"b\" at offset 16, found 4: an overlap"),
    .pair(
      "empty span within another", (4, "[0,16]"), (0, "[8,8]"),
      "the data of tensor \"b\" at offset 16, found 8: an overlap"),
    .pair("hole between", (1, "[0,4]"), (2, "[8,16]"), "the data of tensor \"b\" at offset 4, found 8: a hole"),
    .pair(
      "hole at the beginning", (1, "[4,8]"), (2, "[8,16]"), "the data of tensor \"a\" at offset 0, found 4: a hole"),
    .pair("hole at the end", (1, "[0,4]"), (2, "[4,12]"), "expected 12 bytes of data, found 16: 4 trailing"),
    .pair(
      "empty span past the end", (4, "[0,16]"), (0, "[20,20]"),
      "the data of tensor \"b\" at offset 16, found 20: a hole"),
    .pair("overlap by one byte", (2, "[0,8]"), (2, "[7,15]"), "tensor \"b\" at offset 8, found 7: an overlap"),
    .pair("hole of one byte", (1, "[0,4]"), (2, "[5,13]"), "tensor \"b\" at offset 4, found 5: a hole"),
    .pair("overlap in another order", (2, "[8,16]"), (3, "[0,12]"), "tensor \"a\" at offset 12, found 8: an overlap"),
    .init("data of one byte", #"{"a":\#(four)}"#, data: 1, "expected 16 bytes of data, found 1: 15 missing"),
    .init("no data", #"{"a":\#(four)}"#, "expected 16 bytes of data, found 0: 16 missing"),
    .init("a million bytes too many", #"{"a":\#(four)}"#, data: 1_000_016, "found 1000016: 1000000 trailing"),
  ]

  /// What else a file called a model may be.
  private static let otherFormats: [BadFile] = [
    .init("JSON without a length", bytes: Array(#"{"__metadata__":{}}"#.utf8), "found JSON text: give a model that"),
    .init(
      "Git LFS pointer", bytes: Array("version https://git-lfs.github.com/spec/v1\n".utf8),
      "a model in safetensors, found a Git LFS pointer: 'git lfs pull' fetches"),
    .init("web page", bytes: Array("<!DOCTYPE html>\n<html></html>\n".utf8), "found an HTML page: download the file"),
    .init(
      "zip of PyTorch", bytes: [0x50, 0x4B, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0],
      "found a zip archive: unpack it with 'unzip'"),
    .init(
      "GGUF", bytes: Array("GGUF".utf8) + [3, 0, 0, 0, 0, 0, 0, 0], "found a GGUF model: give a model that 'kernelvlm"),
    .init("NumPy array", bytes: [0x93] + Array("NUMPY\u{1}\0".utf8), "found a NumPy array (.npy): give a model"),
    .init("HDF5", bytes: [0x89] + Array("HDF\r\n\u{1A}\n".utf8), "found an HDF5 file: give a model that"),
    .init("gzip of a model", bytes: storedGzip(safetensorsFile("{}")), "found a gzip file: unpack it with 'gunzip'"),
    .init("images for a model", bytes: BadFile.goodImages, "found an IDX file: that is data: give --data its"),
    .init("zeros", bytes: [UInt8](repeating: 0, count: 4096), "expected '{', found the end of the header at byte 8"),
  ]

  /// What the format has besides F32 and F64, and what it has not.
  private static let dtypes: [BadFile] = [
    "BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "I16", "U16", "F16", "I32", "U32", "U64", "C64", "F4", "F128", "float32",
    "", " F32", "F32 ",
  ].map { name in
    .tensor(
      "dtype '\(name)'", #""dtype":"\#(name)","shape":[4],"data_offsets":[0,16]"#,
      "expected dtype F32 or F64, found \"\(name)\" for tensor \"a\"")
  }

  private static let offsetLists: [BadFile] = [
    .offsets("offsets that are a number", "16", "expected '[', found '1' at byte"),
    .offsets("offsets that are null", "null", "expected '[', found 'n' at byte"),
    .offsets("offsets that are an object", #"{"begin":0,"end":16}"#, "expected '[', found '{' at byte"),
    .offsets("strings for offsets", #"["0","16"]"#, "expected a non-negative integer, found '\"' at byte"),
    .offsets("nested offsets", "[[0,16]]", "expected a non-negative integer, found '[' at byte"),
    .offsets("trailing comma in the offsets", "[0,16,]", "expected a non-negative integer, found ']' at byte"),
    .offsets("fraction for an offset", "[0.0,16]", "found 0.0 at byte"),
    .offsets("exponent for an offset", "[0,1.6e1]", "found 1.6e1 at byte"),
    .offsets("point at the end of an offset", "[0,16.]", "found 16. at byte"),
    .offsets("plus sign of an offset", "[0,+16]", "found +16 at byte"),
    .offsets("negative zero for an offset", "[-0,16]", "found -0 at byte"),
    .offsets("leading zero of an offset", "[00,16]", "found 00 at byte"),
    .offsets("offset of 2^63", "[0,9223372036854775808]", "at most 9223372036854775807, found 9223372036854775808"),
    .offsets(
      "offset of 2^64 + 16", "[0,18446744073709551632]", "at most 9223372036854775807, found 184467440737095516"),
    .offsets("offsets that begin at 1", "[1,17]", "the data of tensor \"a\" at offset 0, found 1: a hole at byte 9"),
    .offsets("offsets that count the header", "[70,86]", "the data of tensor \"a\" at offset 0, found 70: a hole"),
  ]

  private static let values: [BadFile] = [
    .value("NaN in a tensor", Float.nan, "found nan at index 2 of tensor \"a\" at byte 72"),
    .value("signaling NaN in a tensor", Float.signalingNaN, "found nan at index 2 of tensor \"a\" at byte 72"),
    .value("infinity in a tensor", Float.infinity, "found inf at index 2 of tensor \"a\" at byte 72"),
    .value("minus infinity in a tensor", -Float.infinity, "found -inf at index 2 of tensor \"a\" at byte 72"),
    .value("NaN in a tensor of Double", Double.nan, "found nan at index 2 of tensor \"a\" at byte 80"),
    .value("infinity in a tensor of Double", Double.infinity, "found inf at index 2 of tensor \"a\" at byte 80"),
    .init(
      "NaN at the end of 24 MB",
      bytes: Safetensors(tensors: [
        .init("a", shape: [6_000_000], values: [Float](repeating: 1, count: 5_999_999) + [.nan])
      ]).encoded(), "found nan at index 5999999 of tensor \"a\""),
  ]

  /// Beyond them a header is taken for an attack on memory.
  private static let limits: [BadFile] = [
    .init(
      "name of five million bytes", "{\"\(String(repeating: "a", count: 5_000_000))\":\(none)}",
      "at most 4194304 bytes, found more"),
    .init(
      "100,000 metadata pairs", "{\"__metadata__\":{\((0..<100_000).map { "\"\($0)\":\"\"" }.joined(separator: ","))}}",
      "at most 4194304 bytes, found more"),
    .init(
      "20,000 tensors", "{\((0..<20_000).map { "\"\($0)\":\(none)" }.joined(separator: ","))}",
      "at most 4194304 bytes, found more"),
    .shape(
      "million dimensions", "[\(String(repeating: "1,", count: 1_000_000))4]", "at most 4194304 bytes, found more"),
    .init(
      "metadata value of five million bytes",
      "{\"__metadata__\":{\"a\":\"\(String(repeating: "a", count: 5_000_000))\"}}",
      "at most 4194304 bytes, found more"),
    .init("five million spaces", "{\(String(repeating: " ", count: 5_000_000))", "found the end of the header"),
    .init("file of 2 GiB", .model, .hole(2 << 30), status: 65, "expected at most 1073741824 bytes, found 2147483648"),
  ]
}
