import Foundation
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

/// Files that are written to must be others than all that are read or written besides, however they are spelled.
@Suite struct PlacesTests {
  @Test func twoSpellingsOfOneFileAreRefusedBeforeAnyWork() throws {
    try SaveCase.with { save in
      let (model, folder) = (save.model, save.folder)
      let data = "\(save.scratch)/data"
      let labels = MNIST.files(.train).labels.path(in: data)
      #expect(symlink("model.safetensors", "\(folder)/soft") == 0 && link(model, "\(folder)/hard") == 0)
      #expect(symlink(".", "\(folder)/here") == 0 && symlink(labels, "\(folder)/labels") == 0)
      let before = try names(in: folder)
      let spellings = [
        model, "\(folder)/./model.safetensors", "\(folder)//model.safetensors", "\(folder)/soft", "\(folder)/hard",
        "\(folder)/here/model.safetensors",
      ]
      let cases: [(arguments: [String], problem: String)] =
        spellings.map { (["--save", model, "--log", $0], "--save and --log name the same file, \($0)") }
        + spellings.map { (["--resume", model, "--log", $0], "--resume and --log name the same file, \($0)") }
        + spellings.map {
          (["--resume", $0, "--save", "\(folder)/new", "--log", model], "--resume and --log name the same file")
        }
        + [
          (["--save", "\(folder)/new", "--log", "\(folder)/here/new"], "--save and --log name the same file"),
          (["--save", labels], "the data file \(labels) and --save name the same file"),
          (["--save", "\(folder)/labels"], "the data file \(labels) and --save name the same file"),
          (["--log", "\(folder)/labels"], "the data file \(labels) and --log name the same file"),
        ]
      for (arguments, problem) in cases {
        let run = try CommandRun(["train", "--data", data, "--steps", "2"] + arguments)
        #expect(run.status == 64 && run.output.isEmpty, "\(arguments): \(run.errors)")
        #expect(run.errors.hasPrefix("Error: \(problem)"), "\(arguments): \(run.errors)")
      }
      #expect(save.content() == .old || save.content() == .new)
      #expect(try names(in: folder) == before)
      #expect(try readFile(at: labels, sizeLimit: 100) == idxFile([4], [0, 1, 2, 3]))
    }
  }

  @Test(arguments: [(">", "standard output"), ("2>", "standard error")])
  func aStreamsOwnFileIsRefused(redirection: String, name: String) throws {
    try withTemporaryFolder { folder in
      for option in ["--save", "--log"] {
        let run = try CommandRun(
          ["train", "--data", "drawn", "--steps", "2", option, "\(folder)/file"],
          shell: "cd '\(folder)'; \"$0\" \"$@\" \(redirection) file; status=$?; cat file >&2; exit $status")
        #expect(run.status == 64)
        #expect(run.errors.contains("Error: \(name) and \(option) name the same file"), "\(run.errors)")
      }
    }
  }

  /// Any spelling of the file that is resumed is one to save to.
  @Test func aTrainingIsSavedToWhereItWasResumedFrom() throws {
    try SaveCase.with { save in
      #expect(symlink("model.safetensors", "\(save.folder)/soft") == 0)
      let run = try CommandRun(
        Array(save.arguments[0...2]) + ["--resume", save.model, "--save", "\(save.folder)/soft", "--steps", "2"])
      #expect(run.status == 0, "\(run.errors)")
      #expect(try SavedTraining(path: save.model).stepsDone == 2)
    }
  }
}
