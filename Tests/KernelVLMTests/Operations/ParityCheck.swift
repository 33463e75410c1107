import KernelVLM
import ReferenceKernels
import Testing

/// Runs the operation, checks the guards around its operands and returns its outputs.
func results<K: Kernels>(
  of operation: some Operation, _ kernels: K, misalignment: Int = 0,
  edit: @escaping (String, inout [Double]) -> Void = { _, _ in }
) -> [String: [Double]] {
  let bench = Bench<K.Scalar>(misalignment: misalignment)
  bench.edit = edit
  operation.run(kernels, on: bench)
  #expect(bench.damaged() == [], "\(operation): \(kernels) wrote beside its operands")
  return Dictionary(uniqueKeysWithValues: bench.outputs.map { ($0, bench.values($0).map { Double($0) }) })
}

/// The C kernels of every instruction set that this machine has.
let everyCKernels = InstructionSet.available.compactMap { CKernels($0) }

/// C under every instruction set and the Float reference give what the reference gives in Double, within the bound; and C
/// gives the same bits wherever its operands begin.
func expectParity(_ operation: some Operation) {
  let expectation = Expectation(operation)
  #expect(expectation.violations(in: results(of: operation, Reference<Float>())) == [], "\(operation): Float")
  #expect(expectation.violations(in: results(of: operation, Reference<Double>())) == [], "\(operation): Double")
  for kernels in everyCKernels {
    let aligned = results(of: operation, kernels)
    #expect(expectation.violations(in: aligned) == [], "\(operation): \(kernels.instructionSet)")
    let misaligned = results(of: operation, kernels, misalignment: 1)
    let same = aligned.allSatisfy { name, values in
      values.map(\.bitPattern) == misaligned[name]?.map(\.bitPattern)
    }
    #expect(same, "\(operation): \(kernels.instructionSet) has other bits at another address")
  }
}

/// The check can fail: it rejects a result with one element off by eight times the bound, in any output, and one that was
/// computed without one element of an input.
func expectFaultsCaught(_ operation: some Operation) {
  let expectation = Expectation(operation)
  for kernels in everyCKernels {
    let right = results(of: operation, kernels)
    for (name, expected) in expectation.values {
      guard let at = expected.indices.last(where: { expected[$0].error > 0 }) else { continue }
      var wrong = right
      wrong[name]?[at] += 8 * expected[at].tolerance
      #expect(expectation.violations(in: wrong).count == 1, "\(operation): a fault in \(name) was not seen")
    }
    let bench = Bench<Float>()
    operation.run(kernels, on: bench)
    for name in bench.inputs {
      let without = { (input: String, values: inout [Double]) in
        if input == name, !values.isEmpty { values[values.count / 2] = 0 }
      }
      // Not every input matters to every form of an operation.
      let reference = results(of: operation, Reference<Double>(), edit: without)
      if expectation.violations(in: reference) == [] { continue }
      let wrong = results(of: operation, kernels, edit: without)
      #expect(expectation.violations(in: wrong) != [], "\(operation): works without an element of \(name)")
    }
  }
}
