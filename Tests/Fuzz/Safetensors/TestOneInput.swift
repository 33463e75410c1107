import Inputs
import KernelVLM

/// A safetensors file. If it is accepted, writing and reading it again gives the same; then it may be a checkpoint,
/// and that one of a training that can go on.
@_cdecl("LLVMFuzzerTestOneInput")
func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let content = bytes(start, count)
  read { () throws(FileError) in
    let file = try Safetensors(decoding: content, path: "input")
    let again = try Safetensors(decoding: file.encoded(), path: "output")
    require(again == file, "\(file) became \(again)")
    _ = try SavedTraining(Checkpoint(file, path: "input"), path: "input")
  }
  return 0
}
