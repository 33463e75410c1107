import ReferenceKernels

/// Some images of a batch, laid out for one pass through the model: B inputs, and the n text positions of all of them
/// that predict something, image after image.
///
/// Everywhere in the model the rows of a block are first its B F vision positions, image after image, and then these n
/// text positions. So the text rows of all images are one matrix, and only attention looks at a single image.
struct Block<Scalar: KernelScalar> {
  /// Normalised images: (B, P).
  let x: Matrix<Scalar>
  /// First text row of each image, and n at the end.
  let starts: [Int]
  /// What stands at each text row, where, and what comes next: (n, 1).
  let tokens: Matrix<Int32>
  let positions: Matrix<Int32>
  let targets: Matrix<Int32>
  /// What the loss of each prediction counts: 1 / (predictions of its image · images of the batch), (n, 1).
  let weights: Matrix<Scalar>

  var images: Int { x.rows }
  var textRows: Int { tokens.rows }

  /// Text rows of image `i`.
  func text(_ i: Int) -> Range<Int> { starts[i]..<starts[i + 1] }
}

/// The memory of one thread for passes through the model; allocated while it grows, then reused.
final class Workspace<Scalar: KernelScalar> {
  var arena = Arena<Scalar>()
  var indices = Arena<Int32>()

  func reset() {
    arena.reset()
    indices.reset()
  }

  /// Room for a block of `images` images whose texts are `texts`, with tokens, positions, targets and weights filled in
  /// and the images left to be written.
  /// - Parameters:
  ///   - texts: BOS, letters, EOS of each image's name; the final EOS predicts nothing and is not a row.
  ///   - batch: images that the loss is a mean over.
  func block(texts: [[Int32]], configuration c: ModelConfiguration, batch: Int) -> Block<Scalar> {
    var starts = [0]
    starts.reserveCapacity(texts.count + 1)
    for text in texts { starts.append(starts[starts.count - 1] + text.count - 1) }
    let n = starts[texts.count]
    let block = Block<Scalar>(
      x: arena.matrix(texts.count, c.pixels), starts: starts, tokens: indices.matrix(n, 1),
      positions: indices.matrix(n, 1), targets: indices.matrix(n, 1), weights: arena.matrix(n, 1))
    for (i, text) in texts.enumerated() {
      for (offset, row) in block.text(i).enumerated() {
        block.tokens[row, 0] = text[offset]
        block.positions[row, 0] = Int32(c.features + offset)
        block.targets[row, 0] = text[offset + 1]
        block.weights[row, 0] = 1 / Scalar((text.count - 1) * batch)
      }
    }
    return block
  }

  /// A block of images without any text.
  func block(x: Matrix<Scalar>) -> Block<Scalar> {
    Block(
      x: x, starts: [Int](repeating: 0, count: x.rows + 1), tokens: indices.matrix(0, 1),
      positions: indices.matrix(0, 1), targets: indices.matrix(0, 1), weights: arena.matrix(0, 1))
  }
}
