import Foundation
import ReferenceKernels
import Testing

@testable @_spi(Fuzzing) import KernelVLM
@testable import KernelVLMCore

struct PictureFileTests {
  private func problem(_ bytes: [UInt8]) -> String? {
    let error = fileError { _ = try GreyPicture(file: bytes, path: "picture") }
    #expect(error?.kind == .malformed && error?.path == "picture")
    return error?.problem
  }

  @Test(arguments: PictureFixture.all)
  func everyFormatIsSeenAsItsMakerAndAnotherDecoderSay(fixture: PictureFixture) throws {
    let picture = try GreyPicture(path: fixture.path)
    #expect(picture.size == ImageSize(fixture.height, fixture.width))
    let errors = zip(picture.pixels, fixture.pixels).map { abs(Int($0) - Int($1)) }
    #expect(picture.pixels.count == fixture.pixels.count)
    #expect(errors.max()! <= fixture.bound, "\(picture.pixels)")
  }

  @Test func theTableHasEveryPictureBesideIt() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: PictureFixture.folder)
    let pictures = names.filter { $0.hasSuffix(".png") || $0.hasSuffix(".jpg") }
    #expect(Set(pictures) == Set(PictureFixture.all.map(\.testDescription)) && pictures.count >= 70)
  }

  @Test(arguments: PictureFixture.all) func whatIsCutOffIsRefusedAtEveryLength(fixture: PictureFixture) throws {
    let bytes = try fixture.bytes()
    for length in 0..<bytes.count {
      let found = problem(Array(bytes.prefix(length)))
      #expect(found != nil, "\(length) of \(bytes.count) bytes")
    }
  }

  /// Of a PNG every byte is checked; a JPEG has no checksum, and may be read as another picture.
  @Test(arguments: PictureFixture.all) func everyFlippedByteGivesAPictureOrAnErrorOfOneLine(fixture: PictureFixture)
    throws
  {
    let bytes = try fixture.bytes()
    for index in bytes.indices {
      for mask: UInt8 in [0x01, 0x80, 0xFF] {
        var flipped = bytes
        flipped[index] ^= mask
        do {
          let picture = try GreyPicture(file: flipped, path: "picture", pixelLimit: 1_000_000)
          #expect(!fixture.testDescription.hasSuffix(".png") && picture.pixels.count == picture.size.pixels, "\(index)")
        } catch {
          #expect(error.kind == .malformed && !error.problem.contains { $0.isNewline }, "\(index): \(error)")
        }
      }
    }
  }

  @Test func bytesAfterAPNGAreRefusedAndAfterAJPEGPassedOver() throws {
    #expect(try GreyPicture(file: PictureBytes.png, path: "picture").pixels == [10, 20, 30, 40])
    #expect(problem(PictureBytes.png + [0]) == "expected a whole PNG picture, found 1 bytes after its end")
    // Telephones put films and second pictures there.
    let jpeg = try GreyPicture(file: PictureBytes.jpeg() + [0, 1, 2], path: "picture")
    #expect(jpeg == GreyPicture(pixels: [UInt8](repeating: 128, count: 64), size: 8))
  }

  /// gAMA of 1 is linear light, which a screen's gamma of 2.2 shows as 255 (v / 255)^(1 / 2.2).
  @Test func aGammaIsHeeded() throws {
    let gamma = PictureBytes.chunk("gAMA", bigEndian(100_000))
    let picture = try GreyPicture(
      file: PictureBytes.png(PictureBytes.header(), gamma, PictureBytes.data, PictureBytes.end), path: "picture")
    let expected = [10, 20, 30, 40].map { 255 * pow($0 / 255, 1 / 2.2) }
    // libpng's table rounds once.
    #expect(zip(picture.pixels, expected).allSatisfy { abs(Double($0) - $1) <= 1 }, "\(picture.pixels)")
  }

  /// The picture 1 2 3 / 4 5 6, as EXIF 2.3 turns it.
  @Test(arguments: [
    (1, 2, [1, 2, 3, 4, 5, 6]), (2, 2, [3, 2, 1, 6, 5, 4]), (3, 2, [6, 5, 4, 3, 2, 1]), (4, 2, [4, 5, 6, 1, 2, 3]),
    (5, 3, [1, 4, 2, 5, 3, 6]), (6, 3, [4, 1, 5, 2, 6, 3]), (7, 3, [6, 3, 5, 2, 4, 1]), (8, 3, [3, 6, 2, 5, 1, 4]),
    (0, 2, [1, 2, 3, 4, 5, 6]), (9, 2, [1, 2, 3, 4, 5, 6]),
  ]) func anOrientationTurnsThePicture(orientation: Int, height: Int, pixels: [UInt8]) {
    let picture = GreyPicture(pixels: [1, 2, 3, 4, 5, 6], size: ImageSize(2, 3))
    #expect(picture.oriented(orientation) == GreyPicture(pixels: pixels, size: ImageSize(height, 5 - height)))
  }

  @Test func anOrientationIsOneShortInTheFirstDirectory() {
    func orientation(_ block: [UInt8]) -> Int { exifOrientation(Array("Exif\0\0".utf8) + block) }
    #expect(orientation(PictureBytes.exif(6)) == 6)
    #expect(orientation(PictureBytes.exif(6, tag: 0x10)) == 1)
    #expect(orientation(PictureBytes.exif(6, type: 2)) == 1 && orientation(PictureBytes.exif(6, count: 2)) == 1)
    #expect(exifOrientation([]) == 1 && exifOrientation(Array("Exif\0\0".utf8)) == 1)
    for length in 0..<22 { #expect(orientation(Array(PictureBytes.exif(6).prefix(length))) == 1, "\(length) bytes") }
  }

  @Test func theLimitsAre64MegapixelsAndAMillionPixelsASide() throws {
    func found(_ height: UInt32, _ width: UInt32) -> String? {
      problem(PictureBytes.png(PictureBytes.header(width, height), PictureBytes.data, PictureBytes.end))
    }
    #expect(
      found(20_000, 20_001)
        == "expected a picture of at most 64 megapixels and 1000000 pixels a side, found 20000 x 20001 pixels")
    #expect(found(8000, 8000)?.hasSuffix("damage: Not enough image data") == true)
    for (height, width) in [(8000, 8001), (1, 1_000_001), (1_000_001, 1), (0x7FFF_FFFF, 0x7FFF_FFFF)]
      as [(UInt32, UInt32)]
    {
      #expect(found(height, width)?.hasSuffix("a side, found \(height) x \(width) pixels") == true)
    }
    #expect(found(1, 1_000_000)?.hasSuffix("damage: Not enough image data") == true)
    #expect(problem(PictureBytes.jpeg(height: 8001, width: 8000))?.hasSuffix("found 8001 x 8000 pixels") == true)
    #expect(
      fileError { _ = try GreyPicture(file: PictureBytes.png, path: "picture", pixelLimit: 3) }?.kind == .malformed)
  }

  @Test func aProgressiveJPEGMayHave500Scans() throws {
    #expect(try GreyPicture(file: PictureBytes.jpeg(acScans: 499), path: "picture").pixels.allSatisfy { $0 == 128 })
    #expect(problem(PictureBytes.jpeg(acScans: 501))?.contains("has more than 500 scans") == true)
  }

  @Test func checksumsAreIgnoredForFuzzingAlone() throws {
    var wrong = PictureBytes.png
    wrong[wrong.count - 13] ^= 1
    #expect(problem(wrong) == "expected a whole PNG picture, found damage: IDAT: CRC error")
    let picture = try GreyPicture(file: wrong, path: "picture", pixelLimit: 4, ignoresChecksums: true)
    #expect(picture.pixels == [10, 20, 30, 40])
  }

  @Test func aFileThatCannotBeReadIsNamed() throws {
    try withTemporaryFolder { folder in
      #expect(fileError { _ = try GreyPicture(path: "\(folder)/none.png") }?.kind == .missing)
      #expect(fileError { _ = try GreyPicture(path: folder) }?.kind == .missing)
    }
  }

  @Test func aFileOfMoreThan256MiBIsRefusedUnread() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/large.png"
      try write(PictureBytes.png, to: path)
      try #require(truncate(path, (256 << 20) + 1) == 0)
      let error = fileError { _ = try GreyPicture(path: path) }
      #expect(
        error == FileError(.malformed, path: path, "expected at most 268435456 bytes, found 268435457"))
    }
  }

  @Test func thatPixelsGetNoMemoryIsSaidBeforeTheyAreMade() {
    let error = fileError {
      _ = try PictureHeader(height: 1 << 19, width: 1 << 19, bytesPerPixel: 1 << 20, pixelLimit: .max, path: "picture")
    }
    #expect(error?.kind == .memory && error?.path == "picture")
  }
}
