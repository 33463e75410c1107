import Inputs
@_spi(Fuzzing) import KernelVLM

/// A PNG or JPEG file. Of PNG no checksum is looked at, which no blind change would ever find; where all are right, it must
/// be the same picture.
@_cdecl("LLVMFuzzerTestOneInput")
func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let content = bytes(start, count)
  let pixelLimit = 1 << 12
  read { () throws(FileError) in
    let picture = try GreyPicture(file: content, path: "input", pixelLimit: pixelLimit, ignoresChecksums: true)
    require(
      picture.pixels.count == picture.size.pixels && 1...pixelLimit ~= picture.pixels.count,
      "\(picture.pixels.count) values for \(picture.size)")
    let strict = try GreyPicture(file: content, path: "input", pixelLimit: pixelLimit)
    require(strict == picture, "another picture with checksums: \(strict.size), \(picture.size)")
  }
  return 0
}
