import KernelVLM

extension SpellingModel {
  /// Spells all images; on a terminal a line says how far it is.
  func spell(_ images: LabelledImages, threads: Int) throws(ConfigurationError) -> [Spelling] {
    var progress = ProgressLine()
    guard progress.isEnabled else { return try spell(images, 0..<images.count, threads: threads) }
    defer { progress.clear() }
    var spellings: [Spelling] = []
    // As many at a time as take a twentieth of a second; a multiple of what goes through the model together.
    var size = 32 * threads
    while spellings.count < images.count {
      let start = ContinuousClock.now
      let range = spellings.count..<min(spellings.count + size, images.count)
      spellings += try spell(images, range, threads: threads)
      if start.duration(to: .now) < .milliseconds(50) { size *= 2 }
      progress.show(
        spellings.count, of: images.count, "spelling \(spellings.count.grouped)/\(images.count.of("image"))")
    }
    return spellings
  }
}
