import Foundation

/// Where and when something was measured.
struct Place {
  let processor: String
  let date: String
  let commit: String
  let toolchain: String
  /// Load average of the last minute when the run began: other programs made it.
  let load: String

  static func here() throws -> Place {
    let changes = try output("git", "status", "--porcelain", "--untracked-files=no")
    return Place(
      processor: processor,
      date: Date().formatted(.iso8601.year().month().day()),
      commit: try output("git", "rev-parse", "--short", "HEAD") + (changes.isEmpty ? "" : " with changes"),
      toolchain: try output("swift", "--version").firstMatch(of: /Swift version [0-9.]+/).map { String($0.output) }
        ?? "",
      load: (try? String(contentsOfFile: "/proc/loadavg", encoding: .utf8))?.split(separator: " ").first.map(
        String.init)
        ?? "unknown")
  }

  /// As Linux tells it, with the family and model that a virtual machine's name often leaves out.
  private static var processor: String {
    let lines = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.split(separator: "\n") ?? []
    func field(_ name: String) -> String? {
      lines.lazy.map { $0.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) } }
        .first { $0.count == 2 && $0[0] == name }?[1]
    }
    guard let name = field("model name") else { return "unknown processor" }
    guard let family = field("cpu family"), let model = field("model") else { return name }
    return "\(name) (family \(family), model \(model)), \(ProcessInfo.processInfo.activeProcessorCount) cores"
  }

  /// The first line that a program prints, or nothing.
  private static func output(_ arguments: String...) throws -> String {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = arguments
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    try process.run()
    let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return String(decoding: data, as: UTF8.self).split(separator: "\n").first.map(String.init) ?? ""
  }
}
