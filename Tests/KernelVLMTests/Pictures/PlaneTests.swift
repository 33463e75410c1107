import ReferenceKernels
import Testing

@testable import KernelVLMCore

@Suite struct PlaneTests {
  /// Each new pixel of a smaller line covers 4 / 3 old ones; those of a greater one lie between the old ones' middles.
  @Test func smallerByAreaAndGreaterLinearly() {
    let line = Plane(ImageSize(1, 4), [0, 1, 2, 3])
    #expect(line.resampled(to: ImageSize(1, 2)).values == [0.5, 2.5])
    for (value, right) in zip(line.resampled(to: ImageSize(1, 3)).values, [0.25, 1.5, 2.75] as [Float]) {
      #expect(abs(value - right) <= 4 * Float.ulpOfOne * 3)
    }
    #expect(Plane(ImageSize(1, 2), [0, 1]).resampled(to: ImageSize(1, 4)).values == [0, 0.25, 0.75, 1])
    #expect(Plane(ImageSize(2, 1), [0, 1]).resampled(to: ImageSize(4, 1)).values == [0, 0.25, 0.75, 1])
    #expect(Plane(1, [7]).resampled(to: 3).values == [Float](repeating: 7, count: 9))
    #expect(line.resampled(to: line.size) == line)
  }

  @Test func cropsPadsAndTransposes() {
    let plane = Plane(ImageSize(2, 3), [1, 2, 3, 4, 5, 6])
    #expect(plane.cropped(to: PixelBox(rows: 1..<2, columns: 0..<2)) == Plane(ImageSize(1, 2), [4, 5]))
    #expect(plane.transposed == Plane(ImageSize(3, 2), [1, 4, 2, 5, 3, 6]))
    #expect(plane.padded(by: 1).row(0) == [1, 1, 2, 3, 3] && plane.padded(by: 1).row(3) == [4, 4, 5, 6, 6])
    #expect(plane.values.indices.filter { plane.isAtBorder($0, depth: 1) } == Array(0..<6))
    let square = Plane(3)
    #expect(square.values.indices.filter { !square.isAtBorder($0, depth: 1) } == [4])
  }

  @Test func aQuantileIsTheNumberThatAShareDoesNotExceed() {
    let plane = Plane(ImageSize(1, 4), [0, 1, 2, 1023])
    #expect(plane.quantile(0.25) == 0 && plane.quantile(0.5) == 1 && plane.quantile(0.75) == 2)
    #expect(plane.quantile(1) == 1023 && plane.quantile(0.751) == 1023)
    #expect(Plane(2).quantile(0.5) == 0)
  }

  @Test func smoothingSpreadsOneSixteenthAtATime() {
    var impulse = Plane(3)
    impulse[1, 1] = 16
    #expect(impulse.smoothed.values == [1, 2, 1, 2, 4, 2, 1, 2, 1])
  }

  /// A step of 8 between the columns 1 and 2.
  @Test func aChangeIsTheDifferenceOfNeighbours() {
    let step = Plane(ImageSize(2, 4), [0, 0, 8, 8, 0, 0, 8, 8])
    #expect(step.changes.values == [0, 8, 8, 0, 0, 8, 8, 0])
    #expect(step.transposed.changes == step.changes.transposed)
  }

  @Test func meansAreOfWhatIsWithinTheRadius() {
    let line = Plane(ImageSize(1, 5), [0, 3, 6, 9, 12])
    #expect(line.mean(radius: 1).values == [1.5, 3, 6, 9, 10.5])
    #expect(line.mean(radius: 9).values == [6, 6, 6, 6, 6])
  }

  /// A dark line of two pixels holds no square of three, a dark square of three does; a slope stays as it is, to the border.
  @Test func closingFillsWhatIsNarrowerThanItsWindow() {
    var paper = Plane(9, filled: 200)
    for row in 0..<9 { (paper[row, 1], paper[row, 2]) = (50, 50) }
    #expect(paper.closed(radius: 1) == Plane(9, filled: 200))
    for row in 3..<6 { for column in 5..<8 { paper[row, column] = 20 } }
    let closed = paper.closed(radius: 1)
    #expect(closed.values.count { $0 == 20 } == 9 && closed[4, 6] == 20 && closed.values.count { $0 == 200 } == 72)
    let slope = Plane(ImageSize(4, 6), (0..<24).map { Float($0 % 6) * 10 })
    for radius in 1...3 { #expect(slope.closed(radius: radius) == slope) }
  }

  @Test func dilationPutsADiscAroundEachPixel() {
    let dot = Plane(1, [0.5])
    #expect(dot.dilated(radius: 1).values == [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5])
    // 2² + 2² is more than 2 · 3: the corners stay out.
    #expect(dot.dilated(radius: 2).values.count { $0 == 0.5 } == 21)
    #expect(dot.dilated(radius: 2).size == 5)
  }
}
