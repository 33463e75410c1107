import ReferenceKernels
import Testing

@testable import KernelVLMCore

/// Where a NaN in an operand makes an output of the reference NaN, it does so in C: a run that has failed must show it.
@Suite struct NotANumberTests {
  /// Together they call every operation: see `OperationListTests`.
  static let operations: [any Operation] = [
    MatmulCase(n: 5, k: 19, m: 18, accumulate: false), FeatureProductCase(n: 2, k: 19, m: 9, degree: 3),
    TensorProductCase(n: 2, k: 5, m: 9), UnitNormCase(n: 3, k: 19), RMSNormCase(n: 3, k: 19),
    EmbeddingCase(images: 2, visionPositions: 3, texts: 9, width: 19), AttentionCase.small(degree: 1),
    AttentionCase.small(degree: 2), AttentionCase.small(degree: 3),
    VisionProjectionCase(images: 2, visionPositions: 3, width: 9), VisionAttentionCase.small(degree: 1),
    VisionAttentionCase.small(degree: 2), VisionAttentionCase.small(degree: 3, gradient: .published),
    SquaredNormCase(count: 19), MLPCase(n: 3, D: 9, E: 19), CrossEntropyCase(n: 3, V: 19),
    ReconstructionCase(n: 3, P: 19, m: 5), AdamCase(count: 19, step: 2), AddCase(count: 19),
    AdamOuterCase(rows: 3, columns: 19, step: 2), GatherCase(n: 9, u: 4, k: 19), LocalProductTests.small,
    LocalProductTests.unpadded,
    PoolingOfNumbersCase(from: ImageSize(4, 38), to: ImageSize(2, 19)),
    PoolingOfNumbersCase(from: ImageSize(4, 38), to: ImageSize(3, 19)),
  ]

  @Test(arguments: 0..<operations.count) func passesThroughEveryKernel(_ index: Int) {
    let operation = Self.operations[index]
    let bench = Bench<Double>()
    operation.run(Reference<Double>(), on: bench)
    for name in bench.inputs {
      let spoilt = { (input: String, values: inout [Double]) in
        if input == name, !values.isEmpty { values[values.count / 2] = .nan }
      }
      let expected = results(of: operation, Reference<Double>(), edit: spoilt)
      for kernels in everyCKernels {
        let got = results(of: operation, kernels, edit: spoilt)
        for (output, values) in expected {
          let lost = values.indices.first { values[$0].isNaN && got[output]?[$0].isNaN != true }
          #expect(lost == nil, "\(operation), \(kernels.instructionSet): \(name) is NaN, \(output) is not")
        }
      }
    }
  }
}
