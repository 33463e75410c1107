import KernelVLM
import ReferenceKernels

/// An operation with its sizes, that can be tried on any set of kernels: it takes its operands from a bench by name.
protocol Operation: Sendable {
  func run<K: Kernels>(_ kernels: K, on bench: Bench<K.Scalar>)
}

/// Where an operation finds its operands, and where its results are read.
///
/// The numbers of an input follow from its name, so all benches hold the same ones, and all are exact in Float. Every
/// operand lies between guards; an output that is to be overwritten begins as NaN.
final class Bench<Scalar: KernelScalar> {
  /// Operands begin this many scalars after an aligned address.
  let misalignment: Int
  /// Changes an input before use.
  var edit: (_ name: String, _ values: inout [Double]) -> Void = { _, _ in }
  private(set) var outputs: [String] = []
  private(set) var inputs: [String] = []
  private var operands: [String: Operand] = [:]

  private struct Operand {
    let memory: UnsafeMutablePointer<Scalar>
    let matrix: Matrix<Scalar>
    let count: Int
  }

  /// More than any vector, so that a whole vector written too far is seen.
  private let guardSize = 32
  private let canary = Scalar(-0x1.23456p70)

  init(misalignment: Int = 0) { self.misalignment = misalignment }

  deinit {
    for operand in operands.values { operand.memory.deallocate() }
  }

  /// Normally distributed numbers of standard deviation `scale`, or, if `positive`, their absolute values plus 0.5.
  func input(
    _ name: String, _ rows: Int, _ columns: Int, stride: Int? = nil, scale: Double = 1, positive: Bool = false
  ) -> Matrix<Scalar> {
    input(name, rows, columns, stride: stride) { positive ? abs(scale * $0) + 0.5 : scale * $0 }
  }

  /// Numbers made from normally distributed ones.
  func input(
    _ name: String, _ rows: Int, _ columns: Int, stride: Int? = nil, _ make: (Double) -> Double
  ) -> Matrix<Scalar> {
    inputs.append(name)
    return allocate(name, rows, columns, stride, values: numbers(name, rows * columns, make))
  }

  /// Bytes, most of them small.
  func bytes(_ name: String, _ count: Int) -> [UInt8] {
    inputs.append(name)
    return numbers(name, count) { min(abs(64 * $0).rounded(), 255) }.map { UInt8($0) }
  }

  /// An output that is overwritten, or one that has numbers already and is added into.
  func output(
    _ name: String, _ rows: Int, _ columns: Int, stride: Int? = nil, adds: Bool = false
  ) -> Matrix<Scalar> {
    outputs.append(name)
    let before = adds ? numbers(name, rows * columns) { $0 } : Array(repeating: .nan, count: rows * columns)
    return allocate(name, rows, columns, stride, values: before)
  }

  /// A buffer whose contents after the operation are nobody's business, but whose surroundings are.
  func scratch(_ name: String, _ rows: Int, _ columns: Int) -> Matrix<Scalar> {
    allocate(name, rows, columns, nil, values: Array(repeating: .nan, count: rows * columns))
  }

  /// A column of whole numbers in 0 ..< limit.
  func indices(_ name: String, _ count: Int, below limit: Int) -> Matrix<Int32> {
    var stream = NormalStream(name)
    let memory = UnsafeMutablePointer<Int32>.allocate(capacity: max(count, 1))
    for i in 0..<count { memory[i] = Int32(stream.next() % UInt64(limit)) }
    indexMemory.append(memory)
    return Matrix(memory, rows: count, columns: 1)
  }
  private var indexMemory: [UnsafeMutablePointer<Int32>] = []

  /// The elements of an operand, row by row.
  func values(_ name: String) -> [Scalar] {
    guard let matrix = operands[name]?.matrix else { return [] }
    return (0..<matrix.rows).flatMap { i in (0..<matrix.columns).map { matrix[i, $0] } }
  }

  /// The operands beside which something was written.
  func damaged() -> [String] {
    operands.filter { _, operand in
      unpoison?(operand.memory, operand.count * MemoryLayout<Scalar>.stride)
      let matrix = operand.matrix
      let start = matrix.pointer - operand.memory
      return (0..<operand.count).contains { at in
        let (row, column) = (at - start).quotientAndRemainder(dividingBy: max(matrix.stride, 1))
        let inside = at >= start && row < matrix.rows && column < matrix.columns
        return !inside && operand.memory[at] != canary
      }
    }.keys.sorted()
  }

  private func numbers(_ name: String, _ count: Int, _ make: (Double) -> Double) -> [Double] {
    var stream = NormalStream(name)
    var values = (0..<count).map { _ in Double(Float(make(stream.normal()))) }
    edit(name, &values)
    return values
  }

  private func allocate(
    _ name: String, _ rows: Int, _ columns: Int, _ stride: Int?, values: [Double]
  ) -> Matrix<Scalar> {
    precondition(operands[name] == nil, "two operands named \(name)")
    let stride = stride ?? columns
    let count = rows * stride + 2 * guardSize + misalignment
    let raw = UnsafeMutableRawPointer.allocate(byteCount: count * MemoryLayout<Scalar>.stride, alignment: 64)
    let memory = raw.bindMemory(to: Scalar.self, capacity: count)
    memory.initialize(repeating: canary, count: count)
    let matrix = Matrix(memory + guardSize + misalignment, rows: rows, columns: columns, stride: stride)
    for i in 0..<rows {
      for j in 0..<columns { matrix[i, j] = Scalar(values[i * columns + j]) }
    }
    operands[name] = Operand(memory: memory, matrix: matrix, count: count)
    // So that AddressSanitizer sees what is read there too.
    poison?(memory, (guardSize + misalignment) * MemoryLayout<Scalar>.stride)
    poison?(matrix.pointer + rows * stride, guardSize * MemoryLayout<Scalar>.stride)
    return matrix
  }
}

/// Normal numbers that follow from a name (SplitMix64 seeded with its FNV-1a hash; Box and Muller).
struct NormalStream: RandomNumberGenerator {
  private var state: UInt64

  init(_ name: String) {
    state = name.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  mutating func normal() -> Double {
    let radius = (-2 * Double.log(Double.random(in: 0x1p-53...1, using: &self))).squareRoot()
    return radius * .cosine(2 * .pi * Double.random(in: 0..<1, using: &self))
  }
}
