import Foundation

@testable import KernelVLM
@testable import KernelVLMCore

/// Runs `body` with the path of a new folder, and removes the folder afterwards.
func withScratchFolder<Result>(_ body: (String) async throws -> Result) async throws -> Result {
  let folder = NSTemporaryDirectory() + "kernelvlm-tests-\(UUID().uuidString)"
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: folder) }
  return try await body(folder)
}

/// The names in `folder`, hidden ones too, sorted.
func names(in folder: String) throws -> [String] {
  try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
}

/// The file error that `body` throws, or nil.
func fileError(_ body: () throws(FileError) -> Void) -> FileError? {
  do {
    try body()
    return nil
  } catch {
    return error
  }
}

/// A safetensors file of any header, well formed or not, and `data` bytes of 0.
func safetensorsFile(_ header: some Collection<UInt8>, data: Int = 0) -> [UInt8] {
  withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) } + header + [UInt8](repeating: 0, count: data)
}

func safetensorsFile(_ header: String, data: Int = 0) -> [UInt8] { safetensorsFile(Array(header.utf8), data: data) }

/// What `python3 -c script` prints, run in `folder`; nil if it cannot be started or fails.
func python(_ script: String, in folder: String = "/") -> String? {
  let process = Process()
  let output = Pipe()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = ["python3", "-c", script]
  process.currentDirectoryURL = URL(fileURLWithPath: folder)
  process.standardOutput = output
  process.standardError = FileHandle.nullDevice
  guard (try? process.run()) != nil else { return nil }
  let printed = output.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  return process.terminationStatus == 0 ? String(decoding: printed, as: UTF8.self) : nil
}

/// Whether the official reader is here to compare with.
let pythonHasSafetensors = python("import numpy, safetensors.numpy") != nil
