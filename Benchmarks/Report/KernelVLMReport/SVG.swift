import Foundation

/// The few elements of SVG that the picture needs.
struct SVG {
  private var elements: [String] = []
  let width: Double
  let height: Double

  init(width: Double, height: Double) {
    self.width = width
    self.height = height
  }

  var text: String {
    """
    <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Self.number(width)) \(Self.number(height))" \
    font-family="Helvetica, Arial, 'DejaVu Sans', sans-serif">
    <rect width="100%" height="100%" fill="#ffffff"/>
    \(elements.joined(separator: "\n"))
    </svg>

    """
  }

  mutating func line(from a: Point, to b: Point, color: String, width: Double = 1, dash: String? = nil) {
    let dashes = dash.map { " stroke-dasharray=\"\($0)\"" } ?? ""
    elements.append(
      "<line \(Self.pair(a, "x1", "y1")) \(Self.pair(b, "x2", "y2")) stroke=\"\(color)\""
        + " stroke-width=\"\(Self.number(width))\" stroke-linecap=\"round\"\(dashes)/>")
  }

  mutating func mark(_ shape: Mark, at p: Point, size: Double, color: String, filled: Bool, title: String? = nil) {
    let fill = filled ? color : "#ffffff"
    let style =
      "fill=\"\(fill)\" fill-opacity=\"\(filled ? 0.9 : 0.55)\" stroke=\"\(color)\""
      + " stroke-width=\"\(filled ? 1 : 1.2)\" stroke-opacity=\"\(filled ? 1 : 0.65)\""
    let tip = title.map { "<title>\(Self.escaped($0))</title>" } ?? ""
    switch shape {
    case .disc:
      elements.append("<circle \(Self.pair(p, "cx", "cy")) r=\"\(Self.number(size))\" \(style)>\(tip)</circle>")
    case .square:
      let side = 1.8 * size
      let corner = Point(x: p.x - side / 2, y: p.y - side / 2)
      elements.append(
        "<rect \(Self.pair(corner, "x", "y")) width=\"\(Self.number(side))\" height=\"\(Self.number(side))\""
          + " \(style)>\(tip)</rect>")
    }
  }

  /// - Parameters:
  ///   - anchor: "start", "middle" or "end".
  ///   - turned: degrees, clockwise around `at`.
  mutating func text(
    _ text: String, at p: Point, size: Double, color: String = "#24292f", anchor: String = "start",
    weight: String = "normal", turned: Double = 0, halo: Bool = false
  ) {
    let turn =
      turned == 0 ? "" : " transform=\"rotate(\(Self.number(turned)) \(Self.number(p.x)) \(Self.number(p.y)))\""
    let outline =
      halo ? " stroke=\"#ffffff\" stroke-width=\"3\" stroke-linejoin=\"round\" paint-order=\"stroke\"" : ""
    elements.append(
      "<text \(Self.pair(p, "x", "y")) font-size=\"\(Self.number(size))\" fill=\"\(color)\" text-anchor=\"\(anchor)\""
        + " font-weight=\"\(weight)\"\(turn)\(outline)>\(Self.escaped(text))</text>")
  }

  private static func pair(_ p: Point, _ x: String, _ y: String) -> String {
    "\(x)=\"\(number(p.x))\" \(y)=\"\(number(p.y))\""
  }

  private static func number(_ x: Double) -> String {
    let rounded = (10 * x).rounded() / 10
    return rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
  }

  private static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
  }
}

struct Point {
  var x: Double
  var y: Double
}

enum Mark {
  case disc
  case square
}

struct Box {
  var left: Double
  var top: Double
  var right: Double
  var bottom: Double

  func overlaps(_ other: Box) -> Bool {
    left < other.right && other.left < right && top < other.bottom && other.top < bottom
  }

  func contains(_ other: Box) -> Bool {
    left <= other.left && top <= other.top && right >= other.right && bottom >= other.bottom
  }

  /// The point of the box that is nearest to `p`.
  func nearest(to p: Point) -> Point {
    Point(x: min(max(p.x, left), right), y: min(max(p.y, top), bottom))
  }
}
