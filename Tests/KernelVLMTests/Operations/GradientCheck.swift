import KernelVLM
import ReferenceKernels
import Testing

/// The gradients that an operation's backward computes are those of its forward, by central differences in Double of the
/// reference, so independently of C and of every derivation.
///
/// The operation runs forward and then backward on what forward kept. By their names, an output `o` with an input `do`
/// belongs to the loss Σ do · o, and an input `i` with an output `di` is differentiated.
///
/// The bound is derived for every element: with D(h) the difference quotient at step h, its truncation error is
/// (D(2h) − D(h)) / 3 to leading order, and at most E / h comes from the rounding errors E of the two losses, which
/// `Rounded` knows for Float and which are 2⁻²⁹ of that in Double.
func expectGradients(_ operation: some Operation, step h: Double = 0x1p-12) {
  let bench = Bench<Double>()
  operation.run(Reference<Double>(), on: bench)
  let losses = bench.outputs.filter { bench.inputs.contains("d" + $0) }
  let expectation = Expectation(operation)

  func loss(_ edit: @escaping (String, inout [Double]) -> Void) -> Double {
    let outputs = results(of: operation, Reference<Double>(), edit: edit)
    return losses.reduce(0) { sum, name in
      zip(outputs[name] ?? [], bench.values("d" + name)).reduce(sum) { $0 + $1.0 * $1.1 }
    }
  }
  let rounding = losses.reduce(0.0) { sum, name in
    zip(expectation.values[name] ?? [], bench.values("d" + name)).reduce(sum) {
      $0 + 0x1p-29 * ($1.0.tolerance + Double($1.0.terms) * Rounded.u) * $1.1.magnitude
    }
  }
  let differentiated = bench.inputs.filter { bench.outputs.contains("d" + $0) }
  #expect(!losses.isEmpty && !differentiated.isEmpty)

  for name in differentiated {
    let gradient = bench.values("d" + name)
    for i in gradient.indices {
      func quotient(_ h: Double) -> Double {
        let sides = [h, -h].map { move in
          loss { input, values in if input == name { values[i] += move } }
        }
        return (sides[0] - sides[1]) / (2 * h)
      }
      let near = quotient(h)
      let bound = (quotient(2 * h) - near).magnitude + 4 * rounding / h
      let what = "\(operation): d\(name)[\(i)] is \(gradient[i]), by differences \(near) ± \(bound)"
      #expect((near - gradient[i]).magnitude <= bound, "\(what)")
      // A gradient that is wrong by a part in a thousand would be seen.
      #expect(gradient[i].magnitude < 1e-2 || bound < 1e-3 * gradient[i].magnitude, "\(what)")
    }
  }
}
