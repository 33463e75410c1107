import Inputs
import KernelVLM

/// A byte that chooses the rank, then an IDX file in gzip, whose two magic bytes are put there if they are not.
@_cdecl("LLVMFuzzerTestOneInput")
func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  var content = bytes(start, count)
  guard content.count >= 3 else { return 0 }
  let rank = rank(content.removeFirst())
  content.replaceSubrange(..<2, with: [0x1f, 0x8b])
  read { () throws(FileError) in
    let idx = try IDX(content: content, rank: rank, path: "input")
    require(
      idx.dimensions.count == rank && idx.dimensions.reduce(1, *) == idx.bytes.count,
      "\(idx.bytes.count) bytes for \(idx.dimensions)")
  }
  return 0
}
