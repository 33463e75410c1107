/// What cannot be read at all.
extension BadFile {
  static let paths = modelPaths + dataPaths + folders

  private static let modelPaths: [BadFile] = [
    .init("no model", .model, .nothing, "could not read: No such file or directory"),
    .init("folder for a model", .model, .folder, "could not read: expected a regular file, found a folder"),
    .init("pipe for a model", .model, .pipe, "could not read: expected a regular file, found a named pipe"),
    .init("unreadable model", .model, .unreadable(safetensorsFile("{}")), "could not read: Permission denied"),
    .init("link to no model", .model, .link("none"), "could not read: No such file or directory"),
    .init("link to itself for a model", .model, .link("file"), "could not read: Too many levels of symbolic links"),
    .init(
      "link into a file for a model", .model, .link("data/train-labels-idx1-ubyte/a"), "could not read: Not a directory"
    ),
    .init(
      "link to a folder for a model", .model, .link("data"), "could not read: expected a regular file, found a folder"),
    .init(
      "link to an endless device for a model", .model, .link("/dev/zero"),
      "could not read: expected a regular file, found a device or a socket"),
    .init(
      "link to too long a name for a model", .model, .link(String(repeating: "a", count: 300)),
      "could not read: File name too long"),
  ]

  private static let dataPaths: [BadFile] =
    [
      "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte",
    ].map {
      .init("no \($0)", .data($0), .nothing, ": expected \($0), each raw or .gz, here or in MNIST/raw or raw, found ")
    }
    + [
      .init("folder for images", .data(images), .folder, ": expected train-images-idx3-ubyte, each raw or .gz"),
      .init("pipe for images", .data(images), .pipe, "could not read: expected a regular file, found a named pipe"),
      .init("unreadable images", .data(images), .unreadable(goodImages), "could not read: Permission denied"),
      .init("link to no images", .data(images), .link("none"), ": expected train-images-idx3-ubyte, each raw or .gz"),
      .init(
        "link to itself for images", .data(images), .link(images), ": expected train-images-idx3-ubyte, each raw or .gz"
      ),
      .init("link to a device for images", .data(images), .link("/dev/zero"), "found a device or a socket"),
      .init("folder for gzip", .data("\(images).gz"), .folder, ": expected train-images-idx3-ubyte, each raw or .gz"),
    ]

  private static let images = "train-images-idx3-ubyte"

  private static let folders: [BadFile] = [
    .init(
      "no data folder", .folder, .nothing, ": expected \(images), train-labels-idx1-ubyte, t10k-images-idx3-ubyte, "),
    .init("empty data folder", .folder, .folder, ", found an empty folder"),
    .init("file for a data folder", .folder, .bytes(goodImages), ", found a file, an IDX file: give it MNIST's name"),
    .init("pipe for a data folder", .folder, .pipe, ", found no folder but a file"),
    .init("link to no data folder", .folder, .link("none"), ", found no such folder"),
  ]
}
