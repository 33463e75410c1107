import Foundation
import KernelVLM
import ReferenceKernels

/// Something that the whole model does, for whoever verifies and times it.
public struct ModelBenchmark {
  /// What is done, as in `Step_batch_32`.
  public let caseName: String
  public let threads: Int
  /// An instruction set, "reference", or nothing where no kernel has a part.
  public let kernels: String?
  /// What is wrong.
  public let violations: () throws -> [String]
  /// The call that is timed; it gives the number of its images.
  public let prepare: () throws -> () throws -> Int

  public var name: String {
    ([caseName] + (kernels.map { ["threads_\(threads)", $0] } ?? [])).joined(separator: "_")
  }

  /// Everything, on every instruction set of this machine and in the reference (Float, on one thread).
  public static var all: [ModelBenchmark] {
    let choices: [(ModelKernels, [Int])] =
      InstructionSet.available.map { (.c($0), [1, 2]) } + [(.reference, [1])]
    let steps = [1, 32, 128].flatMap { batch in
      choices.flatMap { kernels, threads in
        threads.map { StepCase(batch: batch, threads: $0, kernels: kernels).benchmark }
      }
    }
    let spellings = [1, 32, 10_000].flatMap { images in
      choices.flatMap { kernels, threads in
        threads.filter { $0 == 1 || images > 32 }.map {
          SpellingCase(images: images, threads: $0, kernels: kernels).benchmark
        }
      }
    }
    return steps + spellings + loadingBenchmarks()
  }

  /// A step of a batch on the best kernels of this machine.
  public static func step(batch: Int, threads: Int) -> ModelBenchmark {
    StepCase(batch: batch, threads: threads, kernels: .c(.best)).benchmark
  }
}

/// What a model is made of here.
enum ModelKernels {
  case c(InstructionSet)
  case reference

  var name: String {
    switch self {
    case .c(let instructionSet): instructionSet.rawValue
    case .reference: "reference"
    }
  }

  /// In Float.
  func choice() throws -> KernelChoice {
    switch self {
    case .c(let instructionSet): try KernelChoice(.c, instructionSet: instructionSet)
    case .reference: try KernelChoice(.reference, precision: .float)
    }
  }

  /// What all are compared with: the reference in Double.
  static func expected() throws -> KernelChoice { try KernelChoice(.reference, precision: .double) }
}
