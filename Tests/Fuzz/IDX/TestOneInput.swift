import Inputs
import KernelVLM

/// A byte that chooses the rank, then an IDX file. If it is accepted, it holds a header and the values, and no more.
@_cdecl("LLVMFuzzerTestOneInput")
func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = bytes(start, count)
  guard let choice = input.first else { return 0 }
  let content = Array(input.dropFirst())
  let rank = rank(choice)
  read { () throws(FileError) in
    let idx = try IDX(content: content, rank: rank, path: "input")
    require(
      idx.dimensions.count == rank && idx.dimensions.reduce(1, *) == idx.bytes.count,
      "\(idx.bytes.count) bytes for \(idx.dimensions)")
    if content[0] == 0 { require(content.dropFirst(4 + 4 * rank) == idx.bytes[...], "other values: \(idx)") }
  }
  return 0
}
