import Foundation
import Testing

@testable import KernelVLM
@testable import KernelVLMCore

@Suite struct LogLineTests {
  @Test func aLogLineIsThePublishedOne() {
    let report = StepReport(step: 100, text: 0.61319, reconstruction: 0.00004, loss: 0.61323, target: "one")
    #expect(
      report.logLine(steps: 7000, seconds: 0.1234)
        == "step   100/7000 | loss 0.6132 | text 0.6132 | recon 0.0000 | target: one | 0.1s")
  }

  @Test func everyLineOfThePublishedRunIsReproducedDigitForDigit() throws {
    let url = Bundle.module.bundleURL.appendingPathComponent("Fixtures/published-log.csv")
    let rows = try String(contentsOf: url, encoding: .utf8).split(separator: "\n").dropFirst()
    #expect(rows.count == 70)
    for row in rows {
      let fields = row.split(separator: ",").map(String.init)
      let report = StepReport(
        step: try #require(Int(fields[0])), text: try #require(Double(fields[2])),
        reconstruction: try #require(Double(fields[3])), loss: try #require(Double(fields[1])), target: fields[4])
      let step = String(repeating: " ", count: 5 - fields[0].count) + fields[0]
      #expect(
        report.logLine(steps: 7000, seconds: try #require(Double(fields[5])))
          == "step \(step)/7000 | loss \(fields[1]) | text \(fields[2]) | recon \(fields[3]) | target: \(fields[4]) "
          + "| \(fields[5])s")
    }
  }
}
