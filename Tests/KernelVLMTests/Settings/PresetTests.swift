import ReferenceKernels
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

@Suite struct PresetTests {
  @Test(arguments: [
    (Preset.exact, 32_240), (.published, 32_240), (.augmented, 32_240), (.local, 32_576), (.lean, 20_784),
    (.tiny, 6720),
  ])
  func eachCanBeBuiltAndHasItsParameters(preset: Preset, parameters: Int) throws {
    try preset.configuration.validate()
    try preset.recipe.validate()
    #expect(try VisionLanguageModel(preset.configuration, kernels: CKernels()).table.count == parameters)
  }

  @Test func thePublishedScheduleIsCutAndTheOthersStretch() {
    for preset in Preset.allCases {
      let own = preset.recipe
      let shorter = preset.recipe(steps: 100)
      let longer = preset.recipe(steps: 3 * own.steps)
      #expect(shorter.steps == 100 && longer.steps == 3 * own.steps)
      #expect(longer.scheduleSteps == longer.steps)
      #expect(shorter.scheduleSteps == (preset.stretches ? 100 : own.scheduleSteps))
      #expect(shorter.warmUp <= shorter.scheduleSteps && longer.warmUp == own.warmUp)
      #expect(preset.stretches == (preset != .exact && preset != .published))
      #expect(preset.recipe(steps: own.steps) == own)
    }
  }

  /// Of the schedule: half of the rate at half of the steps, nothing at their end, however many they are.
  @Test(arguments: [400, 8600, 20_000]) func aStretchedScheduleIsTheSameCurve(steps: Int) {
    let recipe = Preset.lean.recipe(steps: steps)
    #expect(recipe.learningRate(at: 0) == 0.006 / 200)
    #expect(abs(recipe.learningRate(at: steps / 2) - 0.003) < 1e-6)
    #expect(recipe.learningRate(at: steps) < 1e-18)
  }
}

@Suite struct LocalStageTests {
  private func configuration(_ stages: String, of size: ImageSize = 28) throws -> ModelConfiguration {
    var c = Preset.lean.configuration
    c.imageSize = size
    let setting = try #require(ModelConfiguration.settings.first { $0.key == "stages" })
    #expect(try setting.set(stages, in: &c, separator: ":"))
    return c
  }

  @Test func shapesFollowFromEachOther() throws {
    let c = try configuration("8,5,3,0:16,4,2,0")
    #expect(c.localShapes.map { [$0.height, $0.width, $0.channels, $0.outputs] } == [[28, 28, 1, 8], [8, 8, 8, 16]])
    #expect(c.localShapes.map(\.places) == [64, 9])
    #expect(c.pixels == 144)
    let wide = try configuration("4,3,1,1:2,7,4,0", of: ImageSize(28, 56))
    #expect(wide.localShapes.map(\.places) == [28 * 56, 6 * 13])
    #expect(wide.pixels == 156)
  }

  @Test(arguments: [
    ("0,5,3,0", "channels of stage 1 is 0, must be 1 to 4096"),
    ("8,0,3,0", "kernel of stage 1 is 0, must be 1 to 1024"),
    ("8,5,0,0", "stride of stage 1 is 0, must be 1 to 1024"),
    ("8,5,3,5", "padding of stage 1 is 5, must be 0 to 4, less than its kernel"),
    ("8,5,3,-1", "padding of stage 1 is -1, must be 0 to 4, less than its kernel"),
    ("8,29,1,0", "kernel of stage 1 is 29, must be 1 to 28, the side of the map of 28 x 28 with its padding"),
    ("8,5,3,0:16,9,1,0", "kernel of stage 2 is 9, must be 1 to 8, the side of the map of 8 x 8 with its padding"),
    (
      "4096,1,1,0:4096,28,1,27",
      "map of stage 2 is 55 x 55 of 4096 channels, must be at most 67108864 values, its windows' too"
    ),
  ])
  func whatCannotBeBuiltIsRefused(stages: String, message: String) throws {
    let error = #expect(throws: ConfigurationError.self) { try configuration(stages).validate() }
    #expect(error?.description == message)
  }

  @Test(arguments: ["8,5,3", "8,5,3,0,0", "8,5,3,x", "8,5,3,0:", ":8,5,3,0", "8.0,5,3,0", " 8,5,3,0"])
  func aTextThatIsNoListOfStagesIsRefused(text: String) throws {
    let setting = try #require(ModelConfiguration.settings.first { $0.key == "stages" })
    var c = ModelConfiguration()
    #expect(try !setting.set(text, in: &c, separator: ":"))
  }

  @Test func noTextIsNoStage() throws { #expect(try configuration("").stages == []) }

  @Test(arguments: [
    ("28", ImageSize(28, 28)), ("28x56", ImageSize(28, 56)), ("14x14", 14), ("", nil), ("x", nil), ("28x", nil),
    ("028", nil), ("+28", nil), ("28x56x3", nil), ("28X56", nil),
  ])
  func aSizeIsASideOrRowsAndColumns(text: String, size: ImageSize?) { #expect(ImageSize(text) == size) }
}

@Suite struct AugmentationSettingTests {
  private func recipe(_ text: String) throws -> Recipe? {
    let setting = try #require(Recipe.settings.first { $0.key == "augmentation" })
    var recipe = Recipe()
    return try setting.set(text, in: &recipe, separator: ",") ? recipe : nil
  }

  @Test func itIsFiveNumbers() throws {
    #expect(try recipe("8,1.5,0.1,0.05,2")?.augmentation == .strong)
    #expect(try recipe("")?.augmentation == AugmentationStrength())
    for text in ["1", "1,2,3,4", "1,2,3,4,5,6", "a,1,1,1,1", "1,,1,1,1", "1,1,1,1,"] {
      #expect(try recipe(text) == nil, "\(text)")
    }
  }

  @Test(arguments: [
    ("181,0,0,0,0", "turn of the augmentation is 181.0, must be 0 to 180.0"),
    ("0,-1,0,0,0", "shift of the augmentation is -1.0, must be 0 to 1024.0"),
    ("0,0,nan,0,0", "zoom of the augmentation is nan, must be 0 to 1.0"),
    ("0,0,0,inf,0", "shear of the augmentation is inf, must be 0 to 1.0"),
    ("0,0,0,0,1025", "elastic of the augmentation is 1025.0, must be 0 to 1024.0"),
  ])
  func eachHasARange(text: String, message: String) throws {
    let error = #expect(throws: ConfigurationError.self) { try #require(try recipe(text)).validate() }
    #expect(error?.description == message)
  }
}
