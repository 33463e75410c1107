import Foundation
import ReferenceKernels

@testable import KernelVLM
@testable import KernelVLMCore

/// Numbers of an independent float64 implementation with automatic differentiation.
struct Oracle {
  let file: Safetensors

  /// Reads `name`.safetensors of the fixtures.
  init(_ name: String) throws {
    guard let url = Bundle.module.url(forResource: "Fixtures/\(name)", withExtension: "safetensors") else {
      throw FileError(.missing, path: "Fixtures/\(name).safetensors", "no such fixture")
    }
    file = try Safetensors.load(url.path)
  }

  func values(_ name: String) throws -> [Double] {
    guard let tensor = file[name] else {
      throw FileError(.malformed, path: "fixture", "expected tensor \(name), found \(file.tensors.map(\.name))")
    }
    return tensor.values()
  }

  /// Copies every tensor of the file into a buffer laid out by `table`.
  func fill<Scalar: KernelScalar>(_ buffer: Buffer<Scalar>, _ table: ParameterTable) throws {
    for entry in table.entries {
      let matrix = buffer.matrix(at: entry.range.lowerBound, rows: 1, columns: entry.range.count)
      for (index, value) in try values(entry.name).enumerated() { matrix[0, index] = Scalar(value) }
    }
  }
}

/// Largest |a − b| in units of the largest |b|: what "relative" means for a whole tensor.
func relativeError<Scalar: KernelScalar>(_ a: [Scalar], _ b: [Double]) -> Double {
  guard a.count == b.count else { return .infinity }
  let scale = b.map(abs).max() ?? 0
  let error = zip(a, b).map { abs(Double($0) - $1) }.max() ?? 0
  return error.isNaN ? .infinity : scale > 0 ? error / scale : error
}

/// How far from `expected` Float may bring a tensor, by sampling (Vignes, "A stochastic arithmetic for reliable scientific
/// computation", 1993): each of `samples` comes from the Float reference with its operands disturbed in their last bit, so
/// that its roundings fall differently. The largest of eight errors is typically 1.4 standard deviations; four times that
/// is left for a summation order of one's own.
func roundingBound(_ samples: [[Float]], _ expected: [Double]) -> Double {
  4 * (samples.map { relativeError($0, expected) }.max() ?? 0)
}

extension Matrix {
  /// All elements, row by row.
  var elements: [Element] {
    (0..<rows).flatMap { i in (0..<columns).map { self[i, $0] } }
  }
}
