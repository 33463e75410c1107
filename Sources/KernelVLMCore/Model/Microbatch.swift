import ReferenceKernels

/// Some images of a batch, laid out for one pass through the model: B inputs, and the n text positions of all of them
/// that predict something, image after image.
///
/// Everywhere in the model the rows of a microbatch are first its B F vision positions, image after image, and then these n
/// text positions. So the text rows of all images are one matrix, and only attention looks at a single image.
struct Microbatch<Scalar: KernelScalar> {
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
  /// nil if every text row is its own pair.
  let unique: UniqueRows?

  var images: Int { x.rows }
  var textRows: Int { tokens.rows }

  /// Text rows of image `i`.
  func text(_ i: Int) -> Range<Int> { starts[i]..<starts[i + 1] }
}

/// Tokens at positions, each pair once, where many rows share them: names that begin alike, and BOS in all of them.
///
/// The first layer's query, key and value of a text row are made of its pair alone. In a model of one layer they are
/// computed once for each, and gathered.
struct UniqueRows {
  /// (u, 1) each, in the order in which they first come.
  let tokens: Matrix<Int32>
  let positions: Matrix<Int32>
  /// The pair of each text row: (n, 1).
  let index: Matrix<Int32>
}

/// The memory of one thread for passes through the model; allocated while it grows, then reused.
final class Workspace<Scalar: KernelScalar> {
  var arena = Arena<Scalar>()
  var indices = Arena<Int32>()

  func reset() {
    arena.reset()
    indices.reset()
  }

  /// Room for a microbatch of `images` images whose texts are `texts`, with tokens, positions, targets and weights filled in
  /// and the images left to be written.
  /// - Parameters:
  ///   - texts: BOS, letters, EOS of each image's name; the final EOS predicts nothing and is not a row.
  ///   - batch: images that the loss is a mean over.
  func microbatch(texts: [[Int32]], configuration c: ModelConfiguration, batch: Int) -> Microbatch<Scalar> {
    var starts = [0]
    starts.reserveCapacity(texts.count + 1)
    for text in texts { starts.append(starts[starts.count - 1] + text.count - 1) }
    let n = starts[texts.count]
    let (tokens, positions, targets) = (indices.matrix(n, 1), indices.matrix(n, 1), indices.matrix(n, 1))
    let weights = arena.matrix(n, 1)
    for (i, text) in texts.enumerated() {
      for (offset, row) in (starts[i]..<starts[i + 1]).enumerated() {
        tokens[row, 0] = text[offset]
        positions[row, 0] = Int32(c.features + offset)
        targets[row, 0] = text[offset + 1]
        weights[row, 0] = 1 / Scalar((text.count - 1) * batch)
      }
    }
    return Microbatch(
      x: arena.matrix(texts.count, c.pixels), starts: starts, tokens: tokens, positions: positions, targets: targets,
      weights: weights,
      unique: texts.count > 1 && c.layers == 1 ? uniqueRows(tokens, positions, positionsBelow: c.positions) : nil)
  }

  /// The different pairs among the rows (n, 1) of tokens and positions, which are below `limit`.
  func uniqueRows(_ tokens: Matrix<Int32>, _ positions: Matrix<Int32>, positionsBelow limit: Int) -> UniqueRows {
    let n = tokens.rows
    let unique = UniqueRows(tokens: indices.matrix(n, 1), positions: indices.matrix(n, 1), index: indices.matrix(n, 1))
    // Pairs with the same position are chained: the last one of each position, and the one before each.
    let (last, previous) = (indices.matrix(limit, 1), indices.matrix(n, 1))
    last.fill(-1)
    var count = 0
    for row in 0..<n {
      let position = Int(positions[row, 0])
      var pair = Int(last[position, 0])
      while pair >= 0 && unique.tokens[pair, 0] != tokens[row, 0] { pair = Int(previous[pair, 0]) }
      if pair < 0 {
        pair = count
        unique.tokens[pair, 0] = tokens[row, 0]
        unique.positions[pair, 0] = positions[row, 0]
        previous[pair, 0] = last[position, 0]
        last[position, 0] = Int32(pair)
        count += 1
      }
      unique.index[row, 0] = Int32(pair)
    }
    return UniqueRows(
      tokens: unique.tokens.rows(0..<count), positions: unique.positions.rows(0..<count), index: unique.index)
  }

  /// A microbatch of images without any text.
  func microbatch(x: Matrix<Scalar>) -> Microbatch<Scalar> {
    Microbatch(
      x: x, starts: [Int](repeating: 0, count: x.rows + 1), tokens: indices.matrix(0, 1),
      positions: indices.matrix(0, 1), targets: indices.matrix(0, 1), weights: arena.matrix(0, 1),
      unique: nil)
  }
}
