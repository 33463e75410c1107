import KernelVLM
import ReferenceKernels

func augmentationBenchmarks() -> [KernelBenchmark] {
  let digit = ImageSize(28, 28)
  let sizes = Sizes(
    model: [AugmentationShape(image: digit, elastic: 2)],
    // Without the grid, and larger images.
    larger: [
      AugmentationShape(image: digit, elastic: 0), AugmentationShape(image: ImageSize(28, 56), elastic: 2),
      AugmentationShape(image: ImageSize(224, 224), elastic: 2),
    ])
  return benchmarks(sizes, AugmentationForward.init)
}

/// An image, and how far its control points move: 0 leaves them out.
struct AugmentationShape {
  let image: ImageSize
  let elastic: Double

  var name: String { "\(image.height)x\(image.width)\(elastic == 0 ? "_rigid" : "")" }
}

struct AugmentationForward: KernelCase {
  let shape: AugmentationShape
  var operation: String { "Augmentation_forward" }
  var size: String { shape.name }
  /// A pixel: two places of four terms each, three interpolations, a division. The grid: its splines along rows, for each
  /// row of points, and then four terms of each place.
  var work: Work {
    let (pixels, points) = (shape.image.pixels, shape.image.controlPoints)
    let grid = shape.elastic == 0 ? 0 : 2 * 8 * (pixels + points.height * shape.image.width)
    return Work(operations: pixels * (2 * 4 + 3 * 3 + 1) + grid, scalars: pixels / 4 + pixels)
  }

  func prepare<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>) -> () -> Void {
    let size = shape.image
    let strength = AugmentationStrength(rotation: 6, shift: 1, zoom: 0.08, shear: 0.05, elastic: shape.elastic)
    let y = bench.output("y", 1, size.pixels)
    let image = bench.bytes("image", size.pixels)
    let scratch = bench.scratch("scratch", 1, size.augmentationScratch)
    return {
      kernels.augmentationForward(
        y, image: image.span, size: size, strength: strength, seed: 42, draw: 7, scratch: scratch)
    }
  }
}
