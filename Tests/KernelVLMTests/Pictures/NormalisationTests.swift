import Foundation
import ReferenceKernels
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

@Suite struct NormalisationTests {
  @Test func scalesToTheBoxInItsOwnProportions() {
    let box = ImageSize(20, 20)
    #expect(Plane(ImageSize(40, 10)).scaled(into: box).size == ImageSize(20, 5))
    #expect(Plane(ImageSize(7, 70)).scaled(into: box).size == ImageSize(2, 20))
    #expect(Plane(ImageSize(100, 1)).scaled(into: box).size == ImageSize(20, 1))
    // 20 rows by 48 columns, for two digits side by side.
    #expect(Plane(ImageSize(30, 60)).scaled(into: ImageSize(20, 48)).size == ImageSize(20, 40))
  }

  @Test func cropsToWhatHasAQuarterOfInk() {
    var plane = Plane(6)
    (plane[1, 2], plane[3, 4], plane[5, 5]) = (0.25, 1, 0.2)
    #expect(plane.croppedToInk.size == ImageSize(3, 3) && plane.croppedToInk[2, 2] == 1)
    #expect(Plane(3).croppedToInk == Plane(3))
  }

  /// A bar of 80 x 4: w = 2 · 320 / (168 π / 4) = 4.85, so r = (80 / 9 - w) / (16 / 9) = 2.27.
  @Test func thinStrokesAreThickenedAndOthersAreNot() {
    let thin = Plane(ImageSize(80, 4), filled: 1)
    #expect(thin.thickened.size == ImageSize(84, 8))
    let thick = Plane(ImageSize(80, 12), filled: 1)
    #expect(thick.thickened == thick)
  }

  @Test func theCentreOfMassIsWeighted() {
    let plane = Plane(ImageSize(2, 3), [0, 0, 1, 0, 0, 3])
    #expect(plane.centreOfMass == (0.75, 2))
    #expect(Plane(ImageSize(3, 5)).centreOfMass == (1, 2))
  }

  /// The mass of a bar of 20 rows is at 9.5, which goes to 14 by 4.5 or 5 rows; one that is heavy at its end stays inside.
  @Test func theCentreOfMassGoesToTheMiddleAsFarAsAllFits() {
    let bar = Plane(ImageSize(20, 1), filled: 1).centred(in: 28)
    #expect(bar.indices.filter { bar[$0] == 255 } == (5..<25).map { 28 * $0 + 14 })
    let heavy = Plane(ImageSize(20, 1), [Float](repeating: 0.01, count: 19) + [1]).centred(in: 28)
    #expect(heavy[28 * 19 + 14] == 255 && heavy[14] == 3)
  }

  @Test func theWholePictureIsScaledAsItIs() {
    let picture = GreyPicture(pixels: [0, 100, 200, 60], size: 2)
    let image = picture.images(.whole, size: 1)
    #expect(image == [NormalisedImage(box: PixelBox(rows: 0..<2, columns: 0..<2), pixels: [90])])
    #expect(picture.images(.whole, size: 2)[0].pixels == picture.pixels)
  }

  /// A ring of 60 x 40 fills 20 of 28 rows, and its middle is at row and column 14.
  @Test func aDigitFillsTwentyOfTwentyEightRows() throws {
    var sheet = Sheet(200, 200)
    sheet.ring(40..<100, 60..<100, width: 8)
    let image = try #require(sheet.picture.images(.digits, size: 28).first)
    let inked = image.pixels.indices.filter { image.pixels[$0] >= 64 }
    let (rows, columns) = (inked.map { $0 / 28 }, inked.map { $0 % 28 })
    #expect([[4, 23], [5, 24]].contains([rows.min(), rows.max()]), "14 - 9.5 is 4.5")
    let width = try #require(columns.max()) - (try #require(columns.min())) + 1
    #expect(13...14 ~= width, "two thirds of 20, \(width)")
    #expect(image.pixels[28 * 14 + 14] == 0, "the hole")
  }

  @Test func lightOnDarkIsTheSameAsDarkOnLight() {
    var sheet = Sheet(120, 160, paper: 255)
    sheet.ring(30..<90, 60..<100, 0)
    let inverse = GreyPicture(pixels: sheet.picture.pixels.map { 255 - $0 }, size: sheet.picture.size)
    #expect(sheet.picture.images(.digits, size: 28) == inverse.images(.digits, size: 28))
  }

  /// MNIST's own images come out as they went in, but for a pixel's shift and what scaling blurs: 5 of 255 in the mean.
  @Test(.enabled(if: MNISTAvailability.isPresent, MNISTAvailability.reason))
  func imagesOfMNISTStayWhatTheyAre() throws {
    let folder = try #require(MNISTAvailability.folder)
    let images = try DataSource.folder(folder).load(.test).images
    var (sum, count) = (0, 0)
    for index in 0..<300 {
      let own = Array(images[index])
      let picture = GreyPicture(pixels: own.map { 255 - $0 }, size: 28)
      let image = try #require(picture.images(.digits, size: 28).first)
      sum += zip(own, image.pixels).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
      count += own.count
    }
    #expect(Double(sum) / Double(count) < 8)
  }
}
