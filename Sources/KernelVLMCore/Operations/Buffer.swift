import CVLMKernels
import ReferenceKernels

/// Owns `count` scalars, zero at first, aligned to a cache line; matrices are views into it.
///
/// The only owner of the memory that kernels work on. It has no locks: two threads may use one buffer as long as the
/// ranges that they write are disjoint.
public final class Buffer<Element: Sendable & Numeric>: @unchecked Sendable {
  private let memory: UnsafeMutablePointer<Element>
  /// How many scalars.
  public let count: Int

  /// `count` zeros. Where there is no memory the process ends, by the handler of `vlm_on_out_of_memory`.
  public init(count: Int) {
    memory = Self.allocate(max(count, 1))
    memory.initialize(repeating: 0, count: count)
    self.count = count
  }

  deinit { vlm_free(memory) }

  /// Not inlined: the compiler would end the life of the half-made owner before `vlm_allocate` gives up, and so free what
  /// was never allocated.
  @inline(never)
  private static func allocate(_ count: Int) -> UnsafeMutablePointer<Element> {
    let (byteCount, overflow) = count.multipliedReportingOverflow(by: MemoryLayout<Element>.stride)
    return vlm_allocate(overflow ? .max : byteCount).bindMemory(to: Element.self, capacity: count)
  }

  /// The scalars from `offset` on, as a matrix.
  public func matrix(at offset: Int = 0, rows: Int, columns: Int) -> Matrix<Element> {
    precondition(
      offset >= 0 && offset + rows * columns <= count, "\(rows) × \(columns) at \(offset) of \(count) scalars")
    return Matrix(memory + offset, rows: rows, columns: columns)
  }

  fileprivate var elements: UnsafeMutableBufferPointer<Element> {
    UnsafeMutableBufferPointer(start: memory, count: count)
  }

  /// Which scalars a matrix without gaps is made of, that this buffer gave.
  package func range(of matrix: Matrix<Element>) -> Range<Int> {
    let start = matrix.pointer - memory
    let range = start..<start + matrix.rows * matrix.columns
    precondition(
      matrix.stride == matrix.columns && range.lowerBound >= 0 && range.upperBound <= count,
      "scalars \(range) of \(count)")
    return range
  }

  /// The scalars in `range` as one row.
  func row(_ range: Range<Int>) -> Matrix<Element> { matrix(at: range.lowerBound, rows: 1, columns: range.count) }

  /// All scalars as one row.
  public var all: Matrix<Element> { matrix(rows: 1, columns: count) }

  /// A copy of the scalars.
  public var values: [Element] { Array(elements) }
}

/// Hands out matrices, one behind the other; `reset` takes all of them back. It grows to what is asked of it between two
/// resets and then allocates no more.
struct Arena<Element: Sendable & Numeric> {
  private static var chunkSize: Int { 1 << 16 }
  private var chunks: [Buffer<Element>] = []
  /// Chunks that have been opened since the last reset, and what is left of the last one.
  private var opened = 0
  private var rest = UnsafeMutableBufferPointer<Element>(start: nil, count: 0)

  mutating func reset() {
    opened = 0
    rest = UnsafeMutableBufferPointer(start: nil, count: 0)
  }

  /// A matrix whose content is whatever was there before. Each begins on a cache line.
  mutating func matrix(_ rows: Int, _ columns: Int) -> Matrix<Element> {
    let line = 64 / MemoryLayout<Element>.stride
    let (size, overflow) = rows.multipliedReportingOverflow(by: columns)
    // What is too large to be counted is asked for too, and not to be had.
    let footprint = overflow || size > Int.max - line ? .max : (size + line - 1) / line * line
    guard footprint <= rest.count, let start = rest.baseAddress else {
      openChunk(holding: footprint)
      return matrix(rows, columns)
    }
    rest = UnsafeMutableBufferPointer(start: start + footprint, count: rest.count - footprint)
    return Matrix(start, rows: rows, columns: columns)
  }

  @inline(never)
  private mutating func openChunk(holding footprint: Int) {
    while opened < chunks.count && chunks[opened].count < footprint { opened += 1 }
    if opened == chunks.count { chunks.append(Buffer(count: max(Self.chunkSize, footprint))) }
    rest = chunks[opened].elements
    opened += 1
  }
}
