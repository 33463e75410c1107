import ReferenceKernels

/// Some images of a batch, laid out for one pass through the model: B inputs, and the n text positions of all of them
/// that predict something, image after image.
///
/// Neighbouring images with the same text are a run. In a model of one layer they share what the text alone decides, so
/// what stands at its positions is listed once for each run, m rows in all; the longer the runs, the less there is to do.
/// In a model of several layers a text row depends on its image from the second layer on: there each image is a run of its
/// own, and m = n.
struct Microbatch<Scalar: KernelScalar> {
  /// What `ImageInput` makes of the images: (B, P).
  let x: Matrix<Scalar>
  /// First text row of each image, and n at the end: (B + 1, 1).
  let starts: Matrix<Int32>
  /// For each run its images and, twice, its text positions: all of them have queries. (r, 3).
  let runs: Matrix<Int32>
  /// What stands at each text position of each run, and where: (m, 1).
  let tokens: Matrix<Int32>
  let positions: Matrix<Int32>
  /// The row of its run that each text row is: (n, 1).
  let index: Matrix<Int32>
  /// What comes next: (n, 1).
  let targets: Matrix<Int32>
  /// What the loss of each prediction counts: 1 / (predictions of its image · images of the batch), (n, 1).
  let weights: Matrix<Scalar>

  var images: Int { x.rows }
  var textRows: Int { targets.rows }
  /// Whether some text rows share a row of their run.
  var sharesText: Bool { tokens.rows < textRows }

  /// Text rows of image `i`.
  func text(_ i: Int) -> Range<Int> { Int(starts[i, 0])..<Int(starts[i + 1, 0]) }
}

/// The memory of one thread for passes through the model; allocated while it grows, then reused.
final class Workspace<Scalar: KernelScalar> {
  var arena = Arena<Scalar>()
  var indices = Arena<Int32>()

  func reset() {
    arena.reset()
    indices.reset()
  }

  /// Room for a microbatch of images whose texts are `texts`, with all filled in but the images.
  /// - Parameters:
  ///   - texts: BOS, letters, EOS of each image's name; the final EOS predicts nothing and is not a row.
  ///   - batch: images that the loss is a mean over.
  func microbatch(
    texts: some Collection<[Int32]>, configuration c: ModelConfiguration, batch: Int
  ) -> Microbatch<Scalar> {
    let B = texts.count
    let n = texts.reduce(0) { $0 + $1.count - 1 }
    let (starts, runs) = (indices.matrix(B + 1, 1), indices.matrix(B, 3))
    let (tokens, positions) = (indices.matrix(n, 1), indices.matrix(n, 1))
    let (index, targets) = (indices.matrix(n, 1), indices.matrix(n, 1))
    let weights = arena.matrix(n, 1)
    var (runCount, runRows, row) = (0, 0, 0)
    var last: [Int32]?
    starts[0, 0] = 0
    for (i, text) in texts.enumerated() {
      let count = text.count - 1
      if c.layers == 1 && text == last {
        runs[runCount - 1, 0] += 1
      } else {
        (runs[runCount, 0], runs[runCount, 1], runs[runCount, 2]) = (1, Int32(count), Int32(count))
        for offset in 0..<count {
          tokens[runRows + offset, 0] = text[offset]
          positions[runRows + offset, 0] = Int32(c.features + offset)
        }
        runCount += 1
        runRows += count
        last = text
      }
      for offset in 0..<count {
        index[row + offset, 0] = Int32(runRows - count + offset)
        targets[row + offset, 0] = text[offset + 1]
        weights[row + offset, 0] = 1 / Scalar(count * batch)
      }
      row += count
      starts[i + 1, 0] = Int32(row)
    }
    return Microbatch(
      x: arena.matrix(B, c.pixels), starts: starts, runs: runs.rows(0..<runCount), tokens: tokens.rows(0..<runRows),
      positions: positions.rows(0..<runRows), index: index, targets: targets, weights: weights)
  }

  /// A microbatch of images without any text.
  func microbatch(x: Matrix<Scalar>) -> Microbatch<Scalar> {
    let (starts, nothing) = (indices.matrix(x.rows + 1, 1), indices.matrix(0, 1))
    starts.fill(0)
    return Microbatch(
      x: x, starts: starts, runs: indices.matrix(0, 3), tokens: nothing, positions: nothing, index: nothing,
      targets: nothing, weights: arena.matrix(0, 1))
  }
}
