import KernelVLM

/// What libFuzzer hands over: `count` bytes at `start`, which is nil if there are none.
public func bytes(_ start: UnsafePointer<UInt8>?, _ count: Int) -> [UInt8] {
  Array(UnsafeBufferPointer(start: start, count: count))
}

/// The rank that an input's first byte asks for: that of labels or of images.
public func rank(_ choice: UInt8) -> Int { choice & 1 == 0 ? 1 : 3 }

/// Reads bytes that are in memory: what is wrong with them must be said as malformed content, in one line.
public func read(_ body: () throws(FileError) -> Void) {
  do {
    try body()
  } catch {
    require(error.kind == .malformed, "\(error.kind): \(error)")
    requireOneLine(error.description)
  }
}

/// A message must neither break its line nor steer a terminal.
public func requireOneLine(_ message: String) {
  let steers = message.unicodeScalars.contains { $0.value < 0x20 || (0x7F..<0xA0).contains($0.value) }
  require(!steers, "control characters in \(message.debugDescription)")
}

/// A precondition whose message is printed in release builds too.
public func require(_ holds: Bool, _ message: @autoclosure () -> String) {
  if !holds { fatalError(message()) }
}
