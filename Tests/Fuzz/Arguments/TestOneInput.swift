import ArgumentParser
import Foundation
import Inputs
import KernelVLM

/// The words of a command line with a zero byte between them. They are parsed and their settings are checked, as far as
/// a command goes before it touches a file; what is wrong must be said as wrong use, and the library in one line.
///
/// A whole parse takes milliseconds, nearly all of them in ArgumentParser. With KERNELVLM_FUZZ_SETTINGS in the
/// environment only what is this package's own happens: values are parsed from words, and settings checked.
@_cdecl("LLVMFuzzerTestOneInput")
func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let words = bytes(start, count).split(separator: 0, omittingEmptySubsequences: false).map {
    String(decoding: $0, as: UTF8.self)
  }
  do {
    try settingsAlone ? checkSettings(words) : check(KernelVLMCommand.parseAsRoot(words))
  } catch {
    if let failure = Failure(error) {
      require(failure.status == EX_USAGE, "\(failure)")
      requireOneLine(failure.message)
    } else if !settingsAlone {
      let status = KernelVLMCommand.exitCode(for: error).rawValue
      require(status == EX_OK || status == EX_USAGE, "\(status): \(error)")
    }
  }
  return 0
}

private let settingsAlone = ProcessInfo.processInfo.environment["KERNELVLM_FUZZ_SETTINGS"] != nil

/// What each command's `run` checks first.
func check(_ command: any ParsableCommand) throws {
  switch command {
  case let train as Train:
    if train.resume == nil, train.from == nil { _ = try TrainingPlan(train) }
  case let ablate as Ablate:
    _ = try ablate.kernelOptions.choice()
    _ = try ablate.ablation()
  case let evaluate as Evaluate:
    _ = try evaluate.kernelOptions.choice()
  case let see as See:
    _ = try see.kernelOptions.choice()
  default: break
  }
}
