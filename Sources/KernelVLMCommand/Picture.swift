import KernelVLM

/// An image of a data set as text.
struct Picture {
  private static let shades = Array(" ░▒▓█")

  let pixels: [UInt8]
  let side: Int

  init(_ images: LabelledImages, _ index: Int) {
    pixels = Array(images[index])
    side = images.side
  }

  /// A line for each row and two characters for each pixel, which makes it about square.
  var lines: [String] {
    (0..<side).map { row in
      pixels[row * side..<(row + 1) * side].map { pixel in
        let shade = (Int(pixel) * (Self.shades.count - 1) + 127) / 255
        return String(repeating: Self.shades[shade], count: 2)
      }.joined()
    }
  }

  /// A small picture, black and white: 14 x 14 cells, two of them in each character.
  var thumbnail: [String] {
    let size = min(14, side)
    let inked = (0..<size).map { row in (0..<size).map { mean(row, $0, size: size) > 70 } }
    return stride(from: 0, to: size, by: 2).map { row in
      String((0..<size).map { Self.block(inked[row][$0], row + 1 < size && inked[row + 1][$0]) })
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

  /// The mean pixel of cell (row, column) of size x size.
  private func mean(_ row: Int, _ column: Int, size: Int) -> Int {
    func bin(_ index: Int) -> Range<Int> { index * side / size..<(index + 1) * side / size }
    let sum = bin(row).reduce(0) { sum, y in bin(column).reduce(sum) { $0 + Int(pixels[y * side + $1]) } }
    return sum / (bin(row).count * bin(column).count)
  }
}

/// The first few images side by side, what they are, and what was spelled.
struct Examples {
  private static let count = 5
  private static let width = 16

  let text: String

  init(_ images: LabelledImages, _ words: [String], names: [String]) {
    let indices = 0..<min(Self.count, images.count)
    let pictures = indices.map { Picture(images, $0).thumbnail }
    let rows = (pictures.first ?? []).indices.map { row in pictures.map { $0[row].padded(Self.width) }.joined() }
    let captions = indices.map { index in
      let name = names[Int(images.labels[index])]
      return (name == words[index] ? "\(words[index]) ✓" : "\(words[index]) (\(name))").padded(Self.width)
    }
    text = (rows + [captions.joined()]).map(\.trimmedEnd).joined(separator: "\n")
  }
}

extension String {
  var trimmedEnd: String { String(reversed().drop { $0 == " " }.reversed()) }
}
