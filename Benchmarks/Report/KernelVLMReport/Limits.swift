import CMachine
import KernelVLM

/// What one core can do at most with one instruction set, measured.
struct Limits {
  enum Level: String {
    case l1 = "L1"
    case l2 = "L2"
  }

  let instructionSet: String
  /// Multiply-adds from registers, in operations a second.
  let operationRate: Double
  /// Reading, in bytes a second.
  let readRate: [Level: Double]
  /// Reading and writing the same place, in bytes a second, both counted.
  let updateRate: [Level: Double]

  func readRate(_ level: Level) -> Double { readRate[level] ?? .infinity }
  func updateRate(_ level: Level) -> Double { updateRate[level] ?? .infinity }

  static func measured(_ instructionSet: InstructionSet) -> Limits? {
    guard let loops = machine_loops_for(instructionSet.rawValue)?.pointee else { return nil }
    let rounds = 1000
    let time = leastTime(.milliseconds(200)) { keep(loops.multiply_add(rounds)) }
    return Limits(
      instructionSet: instructionSet.rawValue, operationRate: Double(loops.operations * rounds) / time,
      readRate: rates(loops, scale: 1) { keep(loops.read($0, $1, 10)) },
      updateRate: rates(loops, scale: 2) { keep(loops.update($0, $1, 10)) })
  }

  /// Bytes a second over half of each cache, ten passes a call.
  private static func rates(
    _ loops: machine_loops, scale: Double, _ call: (UnsafeMutablePointer<Float>, Int) -> Void
  ) -> [Level: Double] {
    let sizes = [(Level.l1, CacheSize.l1 / 2), (.l2, CacheSize.l2 / 2)]
    return Dictionary(
      uniqueKeysWithValues: sizes.map { level, bytes in
        let count = bytes / 4 / loops.block * loops.block
        let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 4096)
        defer { memory.deallocate() }
        let scalars = memory.bindMemory(to: Float.self, capacity: count)
        scalars.initialize(repeating: 1, count: count)
        let time = leastTime(.milliseconds(200)) { call(scalars, count) }
        return (level, scale * 10 * 4 * Double(count) / time)
      })
  }
}

/// A core's data caches in bytes; where the system does not say, what every processor with AVX2 has at least.
enum CacheSize {
  static let l1 = size(1) ?? 32 << 10
  static let l2 = size(2) ?? 256 << 10

  private static func size(_ level: Int32) -> Int? {
    let size = machine_cache_size(level)
    return size > 0 ? size : nil
  }
}

/// Uses a result, so that what computes it is not left out.
@inline(never)
private func keep(_ x: Float) {}
