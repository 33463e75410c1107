import ReferenceKernels
import Testing

@testable import KernelVLMCore

@Suite struct InkTests {
  /// A line of `dark` on `light` paper, three pixels wide.
  private func line(_ dark: Float, on light: Float) -> Plane {
    var plane = Plane(ImageSize(32, 48), filled: light)
    for row in 8..<24 { for column in 20..<23 { plane[row, column] = dark } }
    return plane
  }

  @Test func inkIsTheShareOfThePapersLightThatIsMissing() {
    let ink = line(50, on: 200).ink(width: 8)
    #expect(ink[16, 21] == 0.75 && ink[0, 0] == 0)
    #expect(ink.values.count { $0 == 0.75 } == 48 && ink.values.count { $0 == 0 } == 32 * 48 - 48)
    // Below 48 of light, noise would be taken for ink.
    #expect(line(8, on: 24).ink(width: 8)[16, 21] == Float(16) / 48)
  }

  @Test func inkOnShadedPaperIsTheSame() {
    var shaded = line(0.25, on: 1)
    for row in 0..<32 { for column in 0..<48 { shaded[row, column] *= 100 + 2 * Float(column) } }
    let ink = shaded.ink(width: 8)
    #expect(abs(ink[16, 21] - 0.75) < 0.02 && ink.values.count { $0 > 0.1 } == 48)
  }

  @Test func paperIsWhatMostOfThePictureIsAroundItsEdges() {
    #expect(!line(50, on: 200).isLightOnDark(isFilled: false))
    #expect(line(200, on: 50).isLightOnDark(isFilled: false))
    #expect(!line(50, on: 200).isLightOnDark(isFilled: true) && line(200, on: 50).isLightOnDark(isFilled: true))
  }

  /// More than half of the picture is ink: its border is paper.
  @Test func aFilledPictureIsJudgedByItsBorder() {
    var filled = Plane(20, filled: 0)
    for index in filled.values.indices where !filled.isAtBorder(index, depth: 1) { filled.values[index] = 255 }
    #expect(filled.values.count { $0 == 255 } == 324)
    #expect(filled.isLightOnDark(isFilled: true) && !filled.map { 255 - $0 }.isLightOnDark(isFilled: true))
  }

  /// At each end of a step from 0 to 0.8 the change is the same.
  @Test func theThresholdIsHalfwayUpTheEdges() {
    let ink = line(40, on: 200).ink(width: 8)
    #expect(abs(ink.inkThreshold(overNoise: 5) - 0.4) < 0.05)
    #expect(ink.map { $0 / 20 }.inkThreshold(overNoise: 5) == 0, "too faint")
    #expect(Plane(16).inkThreshold(overNoise: 5) == 0)
  }

  @Test func noiseIsNoInk() {
    var random = MersenneTwister(seed: 7)
    let noise = Plane(64, (0..<64 * 64).map { _ in Float(random.uniform()) })
    #expect(noise.inkThreshold(overNoise: 5) == 0 && noise.inkThreshold(overNoise: 0) > 0)
  }
}
