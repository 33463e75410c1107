import ReferenceKernels

/// Which rows the layers of a transformer have for a microbatch of B images with n text rows, of which m are different.
///
/// Only text positions predict. So in the last layer the vision positions get keys and values, but no query, no output and
/// no MLP; and if it is also the first layer they have no rows at all: their keys and values are factors of b and wpe (see
/// `visionAttentionForward`). What the first layer makes of a text row depends on its token and its position alone: in a
/// model of one layer a run of images shares its queries, keys and values. None of this changes a gradient.
struct TransformerPlan {
  /// B F: the vision positions of all images. They come first among rows if they have any.
  let visionPositions: Int
  /// n: the text rows of all images.
  let textRows: Int
  /// m: those of all runs.
  let runRows: Int
  let layers: Int

  init<Scalar>(_ microbatch: Microbatch<Scalar>, layers: Int, features: Int) {
    visionPositions = microbatch.images * features
    textRows = microbatch.textRows
    runRows = microbatch.tokens.rows
    self.layers = layers
  }

  /// Whether the vision positions have rows in the residual stream, or keys and values in factors.
  var hasVisionRows: Bool { layers > 1 }

  /// The text rows of the residual stream, which end it.
  var text: Range<Int> {
    let vision = hasVisionRows ? visionPositions : 0
    return vision..<vision + textRows
  }

  /// R: rows of the residual stream.
  var rows: Int { text.upperBound }

  /// K: rows that have a key and a value in each layer, and that are embedded.
  var keys: Int { hasVisionRows ? rows : runRows }

  /// Of the K rows those with a query in a layer: all, or in the last of several layers the text rows.
  func queries(layer: Int) -> Range<Int> { hasVisionRows && layer == layers - 1 ? text : 0..<keys }

  /// Of the R rows those that a layer adds to.
  func outputs(layer: Int) -> Range<Int> { layer == layers - 1 ? text : 0..<rows }
}
