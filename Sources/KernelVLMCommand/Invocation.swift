import Foundation
import KernelVLM

/// How this command was called, so that what it suggests can be copied and run.
enum Invocation {
  /// The command's words for a shell, each quoted where it must be.
  static func command(_ words: [String]) -> String { ([name] + words).map(\.quotedForShell).joined(separator: " ") }

  /// A path as an argument: one that begins like an option is taken for one.
  static func argument(_ path: String) -> String { path.hasPrefix("-") ? "./" + path : path }

  /// Its name if the PATH leads to this very file, else the path by which it was called.
  private static let name: String = {
    let called = CommandLine.arguments.first ?? KernelVLMCommand.configuration.commandName ?? ""
    guard called.contains("/") else { return called }
    let name = URL(fileURLWithPath: called).lastPathComponent
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    let found = folders.map { "\($0)/\(name)" }.first(where: FileManager.default.isExecutableFile)
    if let found, FileIdentity(found) == FileIdentity(called) { return name }
    let here = FileManager.default.currentDirectoryPath + "/"
    guard called.hasPrefix(here) else { return called }
    let relative = String(called.dropFirst(here.count))
    return relative.contains("/") ? relative : "./" + relative
  }()
}
