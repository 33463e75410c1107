import ReferenceKernels

/// Which rows the layers of a transformer have for a microbatch of B images with n text rows.
///
/// Only text positions predict. So in the last layer the vision positions get keys and values, but no query, no output and
/// no MLP; and if it is also the first layer they have no rows at all: their keys and values come straight from b and wpe
/// (see `visionKeysForward`). A text row that stands in the first layer depends on its token and its position alone: in a
/// model of one layer each such pair is computed once (see `UniqueRows`). None of this changes a gradient.
struct TransformerPlan {
  /// B F: the vision positions of all images. They come first among keys, and among rows if they have any.
  let visionPositions: Int
  /// n: the text rows of all images.
  let textRows: Int
  let layers: Int
  /// The different text rows of the first layer, if many are alike.
  let unique: UniqueRows?

  init<Scalar>(_ microbatch: Microbatch<Scalar>, layers: Int, features: Int) {
    visionPositions = microbatch.images * features
    textRows = microbatch.textRows
    self.layers = layers
    unique = microbatch.unique
  }

  /// Whether the vision positions have rows in the residual stream, or keys and values alone.
  var hasVisionRows: Bool { layers > 1 }

  /// K: a key and a value for each position of each image.
  var keys: Int { visionPositions + textRows }

  /// Keys that come straight from b and wpe.
  var visionOnlyKeys: Range<Int> { 0..<(hasVisionRows ? 0 : visionPositions) }

  /// The text rows of the residual stream, which end it.
  var text: Range<Int> {
    let vision = hasVisionRows ? visionPositions : 0
    return vision..<vision + textRows
  }

  /// R: rows of the residual stream.
  var rows: Int { text.upperBound }

  /// U: rows that are embedded and projected in the first layer.
  var embedded: Int { unique?.tokens.rows ?? rows }

  /// Rows with a query in a layer: all, or in the last layer the text rows.
  func queries(layer: Int) -> Range<Int> { layer == layers - 1 ? text : 0..<rows }
}
