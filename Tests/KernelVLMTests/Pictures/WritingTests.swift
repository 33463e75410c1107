import ReferenceKernels
import Testing

@testable import KernelVLMCore

/// A sheet of paper to write on.
struct Sheet {
  private(set) var picture: GreyPicture

  init(_ height: Int, _ width: Int, paper: UInt8 = 230) {
    let size = ImageSize(height, width)
    picture = GreyPicture(pixels: [UInt8](repeating: paper, count: size.pixels), size: size)
  }

  /// Fills a rectangle.
  mutating func draw(_ rows: Range<Int>, _ columns: Range<Int>, _ ink: UInt8 = 20) {
    var pixels = picture.pixels
    for row in rows { for column in columns { pixels[row * picture.size.width + column] = ink } }
    picture = GreyPicture(pixels: pixels, size: picture.size)
  }

  /// An outline, `width` thick, as a digit that is closed.
  mutating func ring(_ rows: Range<Int>, _ columns: Range<Int>, width: Int = 4, _ ink: UInt8 = 20) {
    draw(rows.lowerBound..<rows.lowerBound + width, columns, ink)
    draw(rows.upperBound - width..<rows.upperBound, columns, ink)
    draw(rows, columns.lowerBound..<columns.lowerBound + width, ink)
    draw(rows, columns.upperBound - width..<columns.upperBound, ink)
  }

  /// The boxes of the digits that are found.
  var boxes: [PixelBox] { picture.images(.digits, size: 28).map(\.box) }
}

extension [PixelBox] {
  /// Whether each is the other of its place, but for a pixel at each side, where the picture is smoothed.
  func areNearly(_ others: [PixelBox]) -> Bool {
    func near(_ a: Range<Int>, _ b: Range<Int>) -> Bool {
      abs(a.lowerBound - b.lowerBound) <= 1 && abs(a.upperBound - b.upperBound) <= 1
    }
    return count == others.count
      && zip(self, others).allSatisfy { near($0.rows, $1.rows) && near($0.columns, $1.columns) }
  }
}

@Suite struct WritingTests {
  /// Two pixels that touch across a corner, and one that does not touch them; 0.3 belongs where 0.9 is beside it.
  @Test func componentsAreConnectedAcrossCorners() {
    let plane = Plane(ImageSize(3, 5), [0.9, 0, 0, 0, 0.9, 0, 0.3, 0, 0, 0, 0, 0, 0, 0.3, 0])
    let components = plane.components(above: 0.2, seed: 0.5) { _, _, _ in true }
    #expect(components.map(\.pixels) == [[0, 6], [4]])
    #expect(components[0].box == PixelBox(rows: 0..<2, columns: 0..<2) && components[0].contacts == 1)
    #expect(components[0].level == 0.9 && components[0].edges == 1)
  }

  /// A bar of 3 x 30 has an outline of 66 sides: 2 · 90 / (66 π / 4).
  @Test func strokesAreAsWideAsTheirAreaAndOutlineSay() {
    var bar = Plane(40)
    for row in 5..<35 { for column in 20..<23 { bar[row, column] = 1 } }
    #expect(abs(bar.strokeWidth - 180 / (66 * Float.pi / 4)) < 1e-5)
    #expect(Plane.strokeWidth(area: 0, sides: 0) == 0)
  }

  @Test func digitsAreReadRowByRowAlsoWhereARowSlopes() {
    var sheet = Sheet(400, 600)
    let boxes = [(60, 40), (50, 140), (40, 240), (30, 340), (230, 60), (220, 160), (210, 260)].map { top, left in
      PixelBox(rows: top..<top + 60, columns: left..<left + 36)
    }
    for box in [boxes[5], boxes[0], boxes[3], boxes[6], boxes[1], boxes[4], boxes[2]] {
      sheet.ring(box.rows, box.columns)
    }
    #expect(sheet.boxes.areNearly(boxes), "\(sheet.boxes)")
  }

  @Test func theBarOfAFiveBelongsToIt() {
    var sheet = Sheet(200, 300)
    sheet.ring(80..<140, 100..<140)
    sheet.draw(70..<74, 104..<150)
    sheet.ring(80..<140, 200..<240)
    #expect(
      sheet.boxes.areNearly([
        PixelBox(rows: 70..<140, columns: 100..<150), PixelBox(rows: 80..<140, columns: 200..<240),
      ]), "\(sheet.boxes)")
  }

  @Test func specksLinesAtTheBorderAndFramesAreNoDigits() {
    var sheet = Sheet(300, 400)
    let digit = PixelBox(rows: 100..<170, columns: 150..<200)
    sheet.ring(digit.rows, digit.columns)
    for place in [20, 60, 250] { sheet.draw(place..<place + 3, 300..<303) }
    sheet.draw(240..<246, 0..<30)
    sheet.ring(0..<300, 0..<400, width: 3)
    #expect(sheet.boxes.areNearly([digit]), "\(sheet.boxes)")
  }

  @Test func aShadowIsNoInk() {
    var sheet = Sheet(300, 400)
    sheet.draw(0..<300, 0..<170, 150)
    let digits = [PixelBox(rows: 100..<160, columns: 60..<100), PixelBox(rows: 100..<160, columns: 260..<300)]
    for digit in digits { sheet.ring(digit.rows, digit.columns) }
    #expect(sheet.boxes.areNearly(digits), "\(sheet.boxes)")
  }

  @Test func thickStrokesAreNotHollowed() {
    var sheet = Sheet(280, 280)
    sheet.ring(40..<240, 80..<220, width: 40)
    #expect(sheet.boxes.areNearly([PixelBox(rows: 40..<240, columns: 80..<220)]), "\(sheet.boxes)")
  }

  @Test func asOneDigitAllInkIsTakenButSpecks() {
    var sheet = Sheet(200, 300)
    sheet.ring(60..<120, 60..<100)
    sheet.ring(60..<120, 160..<200)
    sheet.draw(10..<16, 280..<284)
    let boxes = sheet.picture.images(.single, size: 28).map(\.box)
    #expect(boxes.areNearly([PixelBox(rows: 60..<120, columns: 60..<200)]), "\(boxes)")
  }

  @Test(arguments: [(1, 1), (5, 5), (28, 28), (100, 300)])
  func whatIsBlankHasNoInk(height: Int, width: Int) {
    for cut in [PictureCut.digits, .single] {
      #expect(Sheet(height, width).picture.images(cut, size: 28).isEmpty)
      #expect(Sheet(height, width, paper: 0).picture.images(cut, size: 28).isEmpty)
    }
  }
}
