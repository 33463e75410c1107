import Foundation
import Testing

/// Compiles a C file of the fixtures to a library for `LD_PRELOAD`, which it writes into `folder`.
func libraryToPreload(_ fixture: String, in folder: String) throws -> String {
  let source = Bundle.module.url(forResource: fixture, withExtension: "c", subdirectory: "Fixtures")
  let library = "\(folder)/\(fixture).so"
  let compiler = Process()
  compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  compiler.arguments = ["clang", "-shared", "-fPIC", "-O1", "-o", library, try #require(source).path, "-ldl"]
  try compiler.run()
  compiler.waitUntilExit()
  try #require(compiler.terminationStatus == 0, "Swift's toolchain has clang, but it could not compile")
  return library
}

/// Whether this runs under a sanitizer, and whether it is the one for threads.
let isSanitized = ["__asan_init", "__tsan_init", "__ubsan_handle_add_overflow"].contains(where: isLinked)
let isThreadSanitized = isLinked("__tsan_init")

private func isLinked(_ symbol: String) -> Bool { dlsym(nil, symbol) != nil }
