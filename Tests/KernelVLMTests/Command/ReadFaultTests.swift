import Foundation
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

/// `evaluate` where a system call fails that reads the model.
@Suite(.enabled(if: !isSanitized, "a sanitizer must be the first library that is loaded"))
struct ReadFaultTests {
  private func evaluate(_ save: SaveCase, _ fault: String) throws -> CommandRun {
    let library = try libraryToPreload("FailingReads", in: save.scratch)
    return try CommandRun(
      ["evaluate", save.model, "--data", "\(save.scratch)/data"],
      environment: ["LD_PRELOAD": library, "FAULT": fault, "FAULT_TARGET": save.model])
  }

  @Test(arguments: ["open", "fstat", "read"]) func aCallThatFailsIsAnError(call: String) throws {
    try SaveCase.with { save in
      let run = try evaluate(save, call)
      #expect(run.status == 66 && run.output.isEmpty, "\(run.status), \(run.errors)")
      #expect(run.errors == "Error: \(save.model): could not read: \(String(cString: strerror(EIO)))\n")
    }
  }

  @Test func aFileThatShrinksIsAnError() throws {
    try SaveCase.with { save in
      let run = try evaluate(save, "end")
      #expect(run.status == 65 && run.output.isEmpty, "\(run.status), \(run.errors)")
      let (size, found) = (save.old.count, save.old.count / 2)
      #expect(run.errors == "Error: \(save.model): expected \(size) bytes, found \(found): it shrank meanwhile\n")
    }
  }

  @Test(arguments: ["interrupted", "half"]) func whatIsInterruptedOrPartialGoesOn(fault: String) throws {
    try SaveCase.with { save in
      let run = try evaluate(save, fault)
      #expect(run.status == 0 && run.output.contains("Spelled right: "), "\(run.status), \(run.errors)")
    }
  }
}
