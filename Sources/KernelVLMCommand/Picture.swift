import KernelVLM

/// An image of a data set as text.
struct Picture {
  private static let shades = Array(" ░▒▓█")

  let pixels: [UInt8]
  let size: ImageSize

  init(pixels: [UInt8], size: ImageSize) {
    (self.pixels, self.size) = (pixels, size)
  }

  init(_ images: LabelledImages, _ index: Int) { self.init(pixels: Array(images[index]), size: images.size) }

  /// A line for each row and two characters for each pixel, which makes it about square; a picture with an edge of more than
  /// 64 pixels is made smaller.
  var lines: [String] {
    let (most, longest) = (64, max(size.height, size.width))
    func cells(_ edge: Int) -> Int { longest > most ? max(1, edge * most / longest) : edge }
    let cells = ImageSize(cells(size.height), cells(size.width))
    return (0..<cells.height).map { row in
      (0..<cells.width).map { column in
        let shade = (mean(row, column, of: cells) * (Self.shades.count - 1) + 127) / 255
        return String(repeating: Self.shades[shade], count: 2)
      }.joined()
    }
  }

  /// A small picture, black and white: at most 14 rows of cells, two of them in each character.
  var thumbnail: [String] { blocks(rows: 14, columns: Examples.lineLength - Examples.gap) }

  /// The same of at most 28 rows, with room for text beside it.
  var blocks: [String] { blocks(rows: 28, columns: 40) }

  private func blocks(rows: Int, columns most: Int) -> [String] {
    let columns = min(size.width, max(1, rows * size.width / size.height), most)
    let cells = ImageSize(min(rows, size.height), columns)
    let inked = (0..<cells.height).map { row in (0..<columns).map { mean(row, $0, of: cells) > 70 } }
    return stride(from: 0, to: cells.height, by: 2).map { row in
      String((0..<columns).map { Self.block(inked[row][$0], row + 1 < cells.height && inked[row + 1][$0]) })
    }
  }

  private static func block(_ upper: Bool, _ lower: Bool) -> Character {
    switch (upper, lower) {
    case (true, true): "█"
    case (true, false): "▀"
    case (false, true): "▄"
    case (false, false): " "
    }
  }

  /// The mean pixel of cell (row, column) of `cells`.
  private func mean(_ row: Int, _ column: Int, of cells: ImageSize) -> Int {
    func bin(_ index: Int, _ edge: Int, _ cells: Int) -> Range<Int> {
      index * edge / cells..<(index + 1) * edge / cells
    }
    let (rows, columns) = (bin(row, size.height, cells.height), bin(column, size.width, cells.width))
    let sum = rows.reduce(0) { sum, y in columns.reduce(sum) { $0 + Int(pixels[y * size.width + $1]) } }
    return sum / (rows.count * columns.count)
  }
}

/// The first few images side by side, as many as fit on a line, what they are, and what was spelled.
struct Examples {
  static let lineLength = 80
  /// Between two pictures.
  static let gap = 2
  private static let most = 5
  private static let least = 16

  let text: String

  init(_ images: LabelledImages, _ words: [String], names: [String]) {
    let pictures = (0..<min(Self.most, images.count)).map { Picture(images, $0).thumbnail }
    let width = max(Self.least, (pictures.first?.first?.count ?? 0) + Self.gap)
    let shown = pictures.prefix(Self.lineLength / width)
    let rows = (shown.first ?? []).indices.map { row in shown.map { $0[row].padded(width) }.joined() }
    let captions = shown.indices.map { index in
      let name = names[Int(images.labels[index])]
      return (name == words[index] ? "\(words[index]) ✓" : "\(words[index]) (\(name))").padded(width)
    }
    text = (rows + [captions.joined()]).map(\.trimmedEnd).joined(separator: "\n")
  }
}

extension String {
  var trimmedEnd: String { String(reversed().drop { $0 == " " }.reversed()) }
}
