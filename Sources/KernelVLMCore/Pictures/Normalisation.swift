import ReferenceKernels

extension GreyPicture {
  /// A picture with no longer edge holds one digit, which may fill it.
  static let longestSingleEdge = 40
  /// What is written is looked for in a picture of at most so long an edge.
  package static let longestEdge = 1600

  /// The images of a picture, each of `size`; none where there is no ink.
  ///
  /// A digit is cropped to its ink, its stroke made at least a ninth of its longer edge, scaled by area so that it fills the
  /// image but for a seventh at each side, and put with its centre of mass in the middle: as MNIST's were, 20 of 28 pixels
  /// (Y. LeCun et al., http://yann.lecun.com/exdb/mnist).
  public func images(_ cut: PictureCut, size: ImageSize) -> [NormalisedImage] {
    if cut == .whole { return [whole(size)] }
    let isFilled = max(self.size.height, self.size.width) <= Self.longestSingleEdge
    let (plane, factor) = shrunk(toEdge: Self.longestEdge)
    let upright = plane.isLightOnDark(isFilled: isFilled) ? plane.map { 255 - $0 } : plane
    let writing = Writing.find(on: isFilled ? upright : upright.smoothed, isFilled: isFilled)
    let marks = cut == .single || isFilled ? [writing.single].compactMap { $0 } : writing.digits
    return marks.map { mark in
      NormalisedImage(box: box(mark.box, factor), pixels: writing.ink(of: mark).normalised(in: size))
    }
  }

  /// The box in the picture of one in the picture that is smaller by `factor`.
  private func box(_ box: PixelBox, _ factor: Int) -> PixelBox {
    PixelBox(
      rows: box.rows.lowerBound * factor..<min(box.rows.upperBound * factor, size.height),
      columns: box.columns.lowerBound * factor..<min(box.columns.upperBound * factor, size.width))
  }

  private func whole(_ size: ImageSize) -> NormalisedImage {
    let scaled = Plane(self.size, pixels.map(Float.init)).resampled(to: size)
    return NormalisedImage(
      box: PixelBox(rows: 0..<self.size.height, columns: 0..<self.size.width),
      pixels: scaled.values.map { UInt8($0.rounded()) })
  }
}

extension Writing {
  /// A mark's ink, and that of the pixels that touch it: 0 to 1, cropped to it.
  func ink(of mark: Mark) -> Plane {
    let level = mark.components.map { $0.level }.max() ?? 1
    let (top, left) = (mark.box.rows.lowerBound - 1, mark.box.columns.lowerBound - 1)
    var plane = Plane(ImageSize(mark.box.rows.count + 2, mark.box.columns.count + 2))
    for pixel in mark.components.flatMap({ $0.pixels }) {
      let (row, column) = pixel.quotientAndRemainder(dividingBy: ink.size.width)
      for y in max(0, row - 1)...min(ink.size.height - 1, row + 1) {
        for x in max(0, column - 1)...min(ink.size.width - 1, column + 1) {
          plane[y - top, x - left] = min(max((ink[y, x] / level - 0.1) / 0.8, 0), 1)
        }
      }
    }
    return plane.croppedToInk
  }
}

extension Plane {
  /// Strokes are measured and thickened at this length of the longer edge.
  private static let drawnEdge = 80
  /// Of the longer edge.
  private static let thinnestStroke: Float = 1.0 / 9

  /// A digit's ink, cropped to it, as bytes of an image.
  func normalised(in size: ImageSize) -> [UInt8] {
    let drawn = scaled(into: ImageSize(Self.drawnEdge, Self.drawnEdge)).thickened
    let box = ImageSize(size.height - 2 * (size.height / 7), size.width - 2 * (size.width / 7))
    return drawn.scaled(into: box).centred(in: size)
  }

  /// Without the rows and columns at its edges that have less than a quarter.
  var croppedToInk: Plane {
    let inked = values.indices.filter { values[$0] >= 0.25 }
    guard let first = inked.first, let last = inked.last else { return self }
    let columns = inked.map { $0 % size.width }
    let (left, right) = (columns.min() ?? 0, columns.max() ?? 0)
    return cropped(to: PixelBox(rows: first / size.width..<last / size.width + 1, columns: left..<right + 1))
  }

  /// As large as fits into `box`, in its own proportions.
  func scaled(into box: ImageSize) -> Plane {
    func length(_ length: Int, _ numerator: Int, _ denominator: Int) -> Int {
      max(1, (2 * length * numerator + denominator) / (2 * denominator))
    }
    return size.height * box.width >= size.width * box.height
      ? resampled(to: ImageSize(box.height, length(size.width, box.height, size.height)))
      : resampled(to: ImageSize(length(size.height, box.width, size.width), box.width))
  }

  /// With a stroke of at least a ninth of the longer edge: w + 2 r = (e + 2 r) / 9 for the radius r of the disc.
  var thickened: Plane {
    let (edge, share) = (Float(max(size.height, size.width)), Self.thinnestStroke)
    let radius = Int(((share * edge - strokeWidth) / (2 - 2 * share)).rounded())
    return radius > 0 ? dilated(radius: radius) : self
  }

  /// The middle of mass, in rows and columns.
  var centreOfMass: (row: Double, column: Double) {
    var (mass, rows, columns) = (0.0, 0.0, 0.0)
    for (index, value) in values.enumerated() {
      let (row, column) = index.quotientAndRemainder(dividingBy: size.width)
      mass += Double(value)
      rows += Double(value) * Double(row)
      columns += Double(value) * Double(column)
    }
    return mass > 0 ? (rows / mass, columns / mass) : (Double(size.height - 1) / 2, Double(size.width - 1) / 2)
  }

  /// As bytes in an image, moved by whole pixels so that the centre of mass is at row and column 14 of 28, where it is in
  /// MNIST, as far as all of it fits.
  func centred(in size: ImageSize) -> [UInt8] {
    func start(_ centre: Double, _ length: Int, _ edge: Int) -> Int {
      min(max(Int((Double(edge) / 2 - centre).rounded()), 0), edge - length)
    }
    let centre = centreOfMass
    let (top, left) = (
      start(centre.row, self.size.height, size.height), start(centre.column, self.size.width, size.width)
    )
    var image = [UInt8](repeating: 0, count: size.pixels)
    for row in 0..<self.size.height {
      for (column, value) in self.row(row).enumerated() {
        image[(top + row) * size.width + left + column] = UInt8((255 * min(max(value, 0), 1)).rounded())
      }
    }
    return image
  }
}
