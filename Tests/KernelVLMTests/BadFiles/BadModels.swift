import Testing

@testable import KernelVLM
@testable import KernelVLMCore

/// Sound safetensors files that are no model.
extension BadFile {
  static let models = settings + lists + modelTensors

  /// A model of the default configuration, all of its parameters 0.
  private static let model: Safetensors = {
    let model = try? VisionLanguageModel(ModelConfiguration(), kernels: CKernels())
    return Safetensors(metadata: ModelConfiguration().metadata, tensors: model?.tensors() ?? [])
  }()

  private static func changed(
    _ name: String, _ problem: String, _ change: (inout Safetensors) -> Void
  ) -> BadFile {
    var file = model
    change(&file)
    return BadFile(name, bytes: file.encoded(), problem)
  }

  /// With another value of one setting; nil leaves it out.
  private static func setting(_ key: String, _ value: String?, _ problem: String) -> BadFile {
    let name = value.map { "\(key) \(quoted($0))" } ?? "no \(key)"
    return changed(name, problem) { $0.metadata[key] = value }
  }

  /// With another tensor in the place of the one called `name`; nil leaves it out.
  private static func tensor(
    _ name: String, _ what: String, _ tensor: Safetensors.Tensor?, _ problem: String
  ) -> BadFile {
    changed("\(name) \(what)", problem) { file in
      file.tensors = file.tensors.compactMap { $0.name == name ? tensor : $0 }
    }
  }

  /// What files of earlier versions leave out.
  private static let optional = ModelConfiguration.settings.filter(\.isOptional).map(\.key)

  private static let settings: [BadFile] =
    model.metadata.keys.sorted().filter { !optional.contains($0) }
    .map { setting($0, nil, "metadata \($0): expected ") }
    + [
      changed("no metadata", "metadata format: expected KernelVLM 1, found no such entry") { $0.metadata = [:] },
      setting("format", "KernelVLM 9", "metadata format: expected KernelVLM 1, found \"KernelVLM 9\""),
      setting("format", "", "metadata format: expected KernelVLM 1, found \"\""),
      setting("width", "3.5", "metadata width: expected an integer, found \"3.5\""),
      setting("width", "+32", "metadata width: expected an integer, found \"+32\""),
      setting("width", "032", "metadata width: expected an integer, found \"032\""),
      setting("width", " 32", "metadata width: expected an integer, found \" 32\""),
      setting("width", "", "metadata width: expected an integer, found \"\""),
      setting("width", "9223372036854775808", "metadata width: expected an integer, found \"9223372036854775808\""),
      setting("width", "32\n\u{1B}[2J", #"metadata width: expected an integer, found "32\n\u{1B}[2J""#),
      setting("width", "31", "width is 31, must be a multiple of the 4 heads"),
      setting("width", "0", "width is 0, must be 1 to 4096"),
      setting("width", "-32", "width is -32, must be 1 to 4096"),
      setting("heads", "32", "width of a head is 1, must be even for tensor attention"),
      setting("layers", "257", "layers is 257, must be 1 to 256"),
      setting("image_size", "1025", "image size is 1025, must be 1 to 1024"),
      setting("image_size", "14x", "metadata image_size: expected an integer, or two such as 28x56, found \"14x\""),
      setting("image_size", "14x0", "image size is 14x0, must be 1 to 1024"),
      setting("stages", "8,5,3", "channels,kernel,stride,padding on each line, found \"8,5,3\""),
      setting("stages", "8,15,3,0", "kernel of stage 1 is 15, must be 1 to 14, the side of the map of 14 x 14"),
      setting("stages", "8,5,3,0", "expected tensor \"local.1.left\" of shape [8, 25], found none"),
      setting("mlp_ratio", "65", "MLP ratio is 65, must be 1 to 64"),
      setting("maximum_text_length", "6", "maximum text length is 6, must be at least 7"),
      setting("tokens", "0 e", "metadata tokens: expected the letters of the names, sorted and numbered"),
      setting("attention", "linear", "metadata attention: expected tensor, dot or a degree, found \"linear\""),
      setting("attention", "Tensor", "metadata attention: expected tensor, dot or a degree, found \"Tensor\""),
      setting("gradient", "none", "metadata gradient: expected exact or published, found \"none\""),
      setting("reconstruction_weight", "a", "metadata reconstruction_weight: expected a number, found \"a\""),
      setting("reconstruction_weight", "nan", "reconstruction weight is nan, must be 0 or a positive number"),
      setting("reconstruction_weight", "inf", "reconstruction weight is inf, must be 0 or a positive number"),
      setting("reconstruction_weight", "-1", "reconstruction weight is -1.0, must be 0 or a positive number"),
    ]

  private static let lists: [BadFile] = [
    setting(
      "direct", "2:8:1", "metadata direct: expected at most 65536 bytes, degree:count on each line, found \"2:8:1\""),
    setting("direct", "2", "metadata direct: expected at most 65536 bytes, degree:count on each line, found \"2\""),
    setting("direct", "2:", "metadata direct: expected at most 65536 bytes, degree:count on each line, found \"2:\""),
    setting("direct", "1:8", "direct degree is 1, must be 2 to 16"),
    setting("direct", "2:0", "direct features of degree 2 is 0, must be 1 to 4096"),
    setting("direct", "2:8\n2:8", "direct degrees is [2, 2], must be different from each other"),
    setting("direct", "3:8", "reconstruction weight is 0.01, must be 0 without direct features of degree 2"),
    setting("names", "", "name 0 is empty, must be at least one letter"),
    setting("names", "one\none", "name 1 is one, must be different from name 0"),
    setting("names", "one\n\ntwo", "name 1 is empty, must be at least one letter"),
    setting("names", "wonderful", "maximum text length is 8, must be at least 11"),
    setting("names", "\u{1B}[2J", "must be without line breaks and control characters"),
    setting("names", "a\u{2028}b", "must be without line breaks and control characters"),
    changed("257 names", "number of names is 257, must be 1 to 256") {
      $0.metadata["names"] = (0...256).map { "\($0)" }.joined(separator: "\n")
    },
    changed("a name of 4 MB", "metadata names: expected at most 65536 bytes, a name on each line, found \"aaaa") {
      $0.metadata["names"] = String(repeating: "a", count: 4_170_000)
    },
    changed("2 MB of empty names", "metadata names: expected at most 65536 bytes, a name on each line, found ") {
      $0.metadata["names"] = String(repeating: "\n", count: 2_080_000)
    },
    changed(
      "3 MB of degrees", "metadata direct: expected at most 65536 bytes, degree:count on each line, found \"2:1\\n2:1"
    ) {
      $0.metadata["direct"] = String(repeating: "2:1\n", count: 830_000)
    },
    changed("16,000 different letters", "for tensor \"wte\", found [17, 32]") {
      let letters = (0x2_0000..<0x2_3E80).compactMap(Unicode.Scalar.init)
      let names = (0..<4).map { String(String.UnicodeScalarView(letters[$0 * 4000..<($0 + 1) * 4000])) }
      $0.metadata["names"] = names.joined(separator: "\n")
      $0.metadata["maximum_text_length"] = "4096"
    },
  ]

  private static let modelTensors: [BadFile] = [
    changed("no tensors", "expected tensor \"bae.1.left\" of shape [10, 196], found none") { $0.tensors = [] },
    tensor("bae.1.left", "missing", nil, "expected tensor \"bae.1.left\" of shape [10, 196], found none"),
    tensor("lm_head", "missing", nil, "expected tensor \"lm_head\" of shape [17, 32], found none"),
    tensor("wte", "renamed", zeros("wte.weight", [17, 32]), "expected tensor \"wte\" of shape [17, 32], found none"),
    tensor("wte", "in upper case", zeros("WTE", [17, 32]), "expected tensor \"wte\" of shape [17, 32], found none"),
    tensor("wte", "of another shape", zeros("wte", [16, 34]), "shape [17, 32] for tensor \"wte\", found [16, 34]"),
    tensor("wte", "transposed", zeros("wte", [32, 17]), "shape [17, 32] for tensor \"wte\", found [32, 17]"),
    tensor("wte", "flat", zeros("wte", [544]), "shape [17, 32] for tensor \"wte\", found [544]"),
    tensor("wte", "of rank 3", zeros("wte", [1, 17, 32]), "shape [17, 32] for tensor \"wte\", found [1, 17, 32]"),
    tensor("wte", "that is a scalar", zeros("wte", []), "shape [17, 32] for tensor \"wte\", found []"),
    tensor("wte", "that is empty", zeros("wte", [0, 32]), "shape [17, 32] for tensor \"wte\", found [0, 32]"),
    tensor(
      "wte", "with a NaN",
      .init("wte", shape: [17, 32], values: [Float](repeating: 0, count: 543) + [.nan]),
      "found nan at index 543 of tensor \"wte\""),
    tensor(
      "wte", "with an infinity in Double",
      .init("wte", shape: [17, 32], values: [-Double.infinity] + [Double](repeating: 0, count: 543)),
      "found -inf at index 0 of tensor \"wte\""),
    changed("another tensor", "expected 22 tensors, found another: \"stranger\"") {
      $0.tensors.append(zeros("stranger", [1]))
    },
    changed("an empty tensor besides", "expected 22 tensors, found another: \"\"") {
      $0.tensors.append(zeros("", [0]))
    },
    changed("2 heads but a tensor", "expected tensor \"lm_head\" of shape [17, 32], found none") {
      $0.metadata["heads"] = "2"
      $0.tensors.removeLast()
    },
    changed("9 positions of text", "expected shape [37, 32] for tensor \"wpe\", found [36, 32]") {
      $0.metadata["maximum_text_length"] = "9"
    },
    changed("two layers, tensors of one", "layers.1") { $0.metadata["layers"] = "2" },
    changed("256 layers, tensors of one", "layers.1") { $0.metadata["layers"] = "256" },
    changed("image size of other tensors", "expected shape [10, 784] for tensor \"bae.1.left\", found [10, 196]") {
      $0.metadata["image_size"] = "28"
    },
    changed("the largest configuration", "expected shape [4096, 1048576] for tensor \"bae.1.left\", found [10, 196]") {
      $0.metadata["image_size"] = "1024"
      $0.metadata["base_features"] = "4096"
      $0.metadata["width"] = "4096"
    },
  ]

  private static func zeros(_ name: String, _ shape: [Int]) -> Safetensors.Tensor {
    .init(name, shape: shape, values: [Float](repeating: 0, count: shape.reduce(1, *)))
  }
}
