import Foundation
import Testing

@Suite struct AblateCommandTests {
  @Test func jsonHasEveryModelAndSeed() throws {
    let result = try CommandRun(
      "ablate", "--data", "drawn", "--steps", "5", "--seeds", "2", "--seed", "7", "--features", "all", "degree2",
      "--json"
    ).json()
    #expect(result["seeds"] as? [Int] == [7, 8])
    let arms = try #require(result["arms"] as? [[String: Any]])
    #expect(arms.count == 8)
    for arm in arms {
      let accuracies = try #require(arm["accuracies"] as? [Double])
      #expect(accuracies.count == 2)
      #expect(arm["mean"] as? Double == (accuracies[0] + accuracies[1]) / 2)
    }
  }

  @Test func trainingsAreComparedInATableWithTheirCommands() throws {
    let run = try CommandRun(
      "ablate", "--data", "drawn", "--trainings", "lean", "batches", "--steps", "2", "--seeds", "1")
    #expect(run.status == 0, "\(run.errors)")
    let rows = run.output.split(separator: "\n")
    #expect(
      rows.contains {
        $0.hasPrefix("batches    tensor") && $0.hasSuffix("--preset augmented --augmentation none --steps 2")
      })
    #expect(rows.contains { $0.hasPrefix("lean       dot") && $0.hasSuffix("--preset lean --attention dot --steps 2") })
    #expect(rows.contains { $0.contains(" 20,784 ") && $0.contains(" 128 ") })
  }

  @Test func trainingsAreComparedWithPartsLeftOut() throws {
    let arguments = [
      "ablate", "--data", "drawn", "--trainings", "exact", "augmented", "--features", "all", "direct", "degree2",
      "tensor",
      "--steps", "1", "--seeds", "1",
    ]
    let run = try CommandRun(arguments)
    for words in ["--tensor-tokens 0 --direct 2:8", "--tensor-tokens 0 ", "--direct none"] {
      #expect(run.output.contains(words), "\(run.output)")
    }
    let arms = try #require(try CommandRun(arguments + ["--json"]).json()["arms"] as? [[String: Any]])
    #expect(arms.count == 16 && Set(arms.compactMap { $0["training"] as? String }) == ["exact", "augmented"])
    #expect(arms.allSatisfy { $0["steps"] as? Int == 1 && $0["gradient"] as? String == "exact" })
  }

  @Test func theTableHasARowForEachGradientAndAttention() throws {
    let run = try CommandRun("ablate", "--data", "drawn", "--steps", "1", "--seeds", "1", "--features", "all")
    #expect(run.status == 0)
    for row in ["published  tensor", "published  dot", "exact      tensor", "exact      dot"] {
      #expect(run.output.contains("\n\(row) "))
    }
    #expect(run.output.contains("images of drawn after 1 step: mean ± sd of 1 seed"))
  }
}
