import ReferenceKernels
import Testing

@testable import KernelVLMCore

@Suite struct GreyPictureTests {
  /// 0.299 · 255 = 76.2, 0.587 · 255 = 149.7, 0.114 · 255 = 29.1.
  @Test func coloursBecomeTheirLuma() {
    let rgba: [UInt8] = [255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, 9, 9, 9, 255]
    #expect(GreyPicture(rgba: rgba, size: ImageSize(2, 2)).pixels == [76, 150, 29, 9])
  }

  /// 128 of 255 of black over white: 255 · 127 / 255.
  @Test func transparencyIsOverWhite() {
    let rgba: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 128, 0, 0, 0, 255]
    #expect(GreyPicture(rgba: rgba, size: ImageSize(1, 3)).pixels == [255, 127, 0])
  }

  @Test func whiteInkOnNothingIsOverBlack() {
    let rgba: [UInt8] = [255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0]
    #expect(GreyPicture(rgba: rgba, size: ImageSize(1, 3)).pixels == [255, 0, 0])
    let opaque: [UInt8] = [255, 255, 255, 255, 250, 250, 250, 255]
    #expect(GreyPicture(rgba: opaque, size: ImageSize(1, 2)).pixels == [255, 250])
  }

  /// Squares of 2 pixels, which are cut at the right and at the bottom.
  @Test func aShrunkPixelIsTheMeanOfASquare() {
    let picture = GreyPicture(pixels: [1, 3, 10, 5, 7, 20, 100, 200, 40], size: 3)
    let (plane, factor) = picture.shrunk(toEdge: 2)
    #expect(factor == 2 && plane == Plane(2, [4, 15, 150, 40]))
    let (same, one) = picture.shrunk(toEdge: 3)
    #expect(one == 1 && same.values == picture.pixels.map(Float.init))
  }
}
