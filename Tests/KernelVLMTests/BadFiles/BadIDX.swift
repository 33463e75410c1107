/// Raw IDX files that no data set can be made of.
extension BadFile {
  static let idx = headers + dimensions + lengths + labels + pairs + files

  private static func images(_ name: String, _ bytes: [UInt8], _ problem: String) -> BadFile {
    BadFile("images: \(name)", .data("train-images-idx3-ubyte"), bytes: bytes, problem)
  }

  private static func images(_ name: String, of dimensions: [Int], count: Int = 8, _ problem: String) -> BadFile {
    images(name, idxFile(dimensions, [UInt8](repeating: 1, count: count)), problem)
  }

  private static func labels(_ name: String, _ bytes: [UInt8], _ problem: String) -> BadFile {
    BadFile("labels: \(name)", .data("train-labels-idx1-ubyte"), bytes: bytes, problem)
  }

  /// Labels for which there must be names.
  private static func named(_ name: String, _ bytes: [UInt8], _ problem: String) -> BadFile {
    BadFile("labels: \(name)", .training("train-labels-idx1-ubyte"), bytes: bytes, problem)
  }

  private static func magic(_ magic: [UInt8], _ found: String) -> BadFile {
    images(
      "magic \(found)", magic + goodImages.dropFirst(4),
      "expected magic 2051 (0x00000803: unsigned bytes, rank 3), found \(found)")
  }

  private static let headers: [BadFile] = [
    images("empty", [], "found an empty file: copy or download it again"),
    images("one byte", [0], "expected 16 bytes of header, found 1"),
    images("magic alone", [0, 0, 8, 3], "expected 16 bytes of header, found 4"),
    images("15 bytes", Array(goodImages.prefix(15)), "expected 16 bytes of header, found 15"),
    magic([0, 0, 8, 1], "2049 (0x00000801)"),
    magic([0, 0, 8, 0], "2048 (0x00000800)"),
    magic([0, 0, 8, 2], "2050 (0x00000802)"),
    magic([0, 0, 8, 4], "2052 (0x00000804)"),
    magic([0, 0, 8, 255], "2303 (0x000008ff)"),
    magic([0, 0, 9, 3], "2307 (0x00000903)"),
    magic([0, 0, 11, 3], "2819 (0x00000b03)"),
    magic([0, 0, 12, 3], "3075 (0x00000c03)"),
    magic([0, 0, 13, 3], "3331 (0x00000d03)"),
    magic([0, 0, 14, 3], "3587 (0x00000e03)"),
    magic([1, 0, 8, 3], "16779267 (0x01000803)"),
    magic([0, 1, 8, 3], "67587 (0x00010803)"),
    magic([3, 8, 0, 0], "an IDX file in the other byte order: write the words of its header with"),
    magic([0, 0, 0, 0], "0 (0x00000000)"),
    magic([255, 255, 255, 255], "4294967295 (0xffffffff)"),
  ]

  private static let dimensions: [BadFile] = [
    images("no image", of: [0, 2, 2], count: 0, "of 1 to 2147483648 values, found 0 x 2 x 2"),
    images("no row", of: [2, 0, 2], count: 0, "of 1 to 2147483648 values, found 2 x 0 x 2"),
    images("no column", of: [2, 2, 0], count: 0, "of 1 to 2147483648 values, found 2 x 2 x 0"),
    images("nothing at all", of: [0, 0, 0], count: 0, "of 1 to 2147483648 values, found 0 x 0 x 0"),
    images("zero times 2^64", of: [0, 4_294_967_295, 4_294_967_295], "found 0 x 4294967295 x 4294967295"),
    images("product of 2^96", of: [4_294_967_295, 4_294_967_295, 4_294_967_295], "found 4294967295 x 4294967295 x"),
    images("product of 2^64", of: [4_194_304, 2_097_152, 2_097_152], "found 4194304 x 2097152 x 2097152"),
    images("product of 2^63", of: [2_097_152, 2_097_152, 2_097_152], "found 2097152 x 2097152 x 2097152"),
    images("product of 2^32", of: [65536, 256, 256], "of 1 to 2147483648 values, found 65536 x 256 x 256"),
    images("product of 2^31 and one", of: [2_147_483_649, 1, 1], "values, found 2147483649 x 1 x 1"),
    images("product of 2^31", of: [32768, 256, 256], "expected 2147483664 bytes, found 24"),
    images("dimensions in little endian", of: [33_554_432, 33_554_432, 33_554_432], "found 33554432 x 33554432 x"),
    images("wide", of: [2, 3, 2000], count: 12_000, "expected images of at most 1024 x 1024 pixels, found 3 x 2000"),
    images("tall", of: [2, 1025, 1], count: 2050, "expected images of at most 1024 x 1024 pixels, found 1025 x 1"),
  ]

  private static let lengths: [BadFile] = [
    images("header alone", Array(goodImages.prefix(16)), "expected 24 bytes, found 16"),
    images("one byte missing", Array(goodImages.dropLast()), "expected 24 bytes, found 23"),
    images("one image missing", Array(goodImages.dropLast(4)), "expected 24 bytes, found 20"),
    images("one byte too many", goodImages + [0], "expected 24 bytes, found 25"),
    images("one image too many", goodImages + [0, 0, 0, 0], "expected 24 bytes, found 28"),
    images("twice", goodImages + goodImages, "expected 24 bytes, found 48"),
    images("a million bytes too many", goodImages + [UInt8](repeating: 0, count: 1_000_000), "24 bytes, found 1000024"),
    images("a newline at the end", goodImages + [10], "expected 24 bytes, found 25"),
  ]

  private static let labels: [BadFile] = [
    labels("empty", [], "found an empty file: copy or download it again"),
    labels("seven bytes", Array(goodLabels.prefix(7)), "expected 8 bytes of header, found 7"),
    labels("images", goodImages, "expected magic 2049 (0x00000801: unsigned bytes, rank 1), found 2051 (0x00000803)"),
    labels("no label", idxFile([0], []), "expected dimensions of 1 to 2147483648 values, found 0"),
    labels("2^32 - 1 promised", idxFile([4_294_967_295], [0, 9]), "of 1 to 2147483648 values, found 4294967295"),
    labels("2^31 promised", idxFile([1 << 31], [0, 9]), "expected 2147483656 bytes, found 10"),
    labels("one missing", idxFile([2], [0]), "expected 10 bytes, found 9"),
    labels("one too many", idxFile([2], [0, 9, 9]), "expected 10 bytes, found 11"),
    named("the first is 10", idxFile([2], [10, 0]), "expected labels of 0 to 9, found 10 at index 0"),
    named("the last is 255", idxFile([2], [0, 255]), "expected labels of 0 to 9, found 255 at index 1"),
    named("digits as text", idxFile([2], Array("09".utf8)), "expected labels of 0 to 9, found 48 at index 0"),
  ]

  private static let pairs: [BadFile] = [
    labels("fewer than images", idxFile([1], [0]), "expected 2 labels, one for each image, found 1"),
    labels("more than images", idxFile([3], [0, 1, 2]), "expected 2 labels, one for each image, found 3"),
    BadFile(
      "test labels fewer than images", .data("t10k-labels-idx1-ubyte"), bytes: idxFile([1], [0]),
      "expected 2 labels, one for each image, found 1"),
    BadFile(
      "test images of another size", .training("t10k-images-idx3-ubyte"), bytes: idxFile([2, 1, 1], [0, 1]),
      "expected test images of 2 x 2 as in train, found 1 x 1"),
    BadFile(
      "test images cut", .data("t10k-images-idx3-ubyte"), bytes: Array(goodImages.dropLast()),
      "expected 24 bytes, found 23"),
    BadFile(
      "test label of 10", .training("t10k-labels-idx1-ubyte"), bytes: idxFile([2], [1, 10]),
      "expected labels of 0 to 9, found 10 at index 1"),
  ]

  private static let files: [BadFile] = [
    images(
      "web page", Array("<!DOCTYPE html>\n<html></html>".utf8), "rank 3), found an HTML page: download the file itself"),
    images(
      "PNG", [0x89] + Array("PNG\r\n\u{1A}\n\0\0\0\rIHDR".utf8), "rank 3), found a PNG picture: convert it to IDX"),
    images(
      "zip", [0x50, 0x4B, 3, 4] + [UInt8](repeating: 0, count: 26),
      "rank 3), found a zip archive: unpack it with 'unzip'"),
    images(
      "Git LFS pointer", Array("version https://git-lfs.github.com/spec/v1\n".utf8), "Git LFS pointer: 'git lfs pull'"),
    images("safetensors", safetensorsFile("{}"), "found a safetensors file: that is a model"),
    images("zlib stream", [0x78, 0x9C] + [UInt8](repeating: 0, count: 14), "found 2023489536 (0x789c0000)"),
    images("zeros", [UInt8](repeating: 0, count: 4096), "found 0 (0x00000000)"),
    BadFile(
      "images: file of 3 GiB", .data("train-images-idx3-ubyte"), .hole(3 << 30), status: 65,
      "expected at most 2147483664 bytes, found 3221225472"),
  ]
}
