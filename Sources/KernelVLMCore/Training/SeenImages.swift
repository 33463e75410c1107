/// The images that are trained on: all but those of unseen names and those that are held out.
struct SeenImages {
  /// Of all images, before any is left out for its name.
  private let range: Range<Int>
  /// Their indices; nil if they are `range`.
  private let indices: [Int]?

  /// - Throws: `ConfigurationError` for an unseen name that there is not, and if no image is left.
  init(_ images: LabelledImages, recipe: Recipe, names: [String]) throws(ConfigurationError) {
    for name in recipe.unseen where !names.contains(name) {
      throw ConfigurationError("unseen name", text: name, rule: "one of the model's \(names.count) names")
    }
    guard recipe.heldOut < images.count else {
      throw ConfigurationError(
        "held out", value: recipe.heldOut, rule: "less than the \(images.count) images to train on")
    }
    range = 0..<images.count - recipe.heldOut
    let unseen = Set(names.indices.filter { recipe.unseen.contains(names[$0]) })
    let seen = range.filter { !unseen.contains(Int(images.labels[$0])) }
    indices = unseen.isEmpty ? nil : seen
    guard !seen.isEmpty else {
      throw ConfigurationError("unseen names", value: unseen.count, rule: "fewer: no image is left to train on")
    }
  }

  var count: Int { indices?.count ?? range.count }

  /// The image that is number `position` of those that are trained on.
  subscript(position: Int) -> Int { indices?[position] ?? position }
}
