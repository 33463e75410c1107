import Foundation
import KernelVLM
import Testing

/// Whether tests that need the real MNIST can run, and where it is.
enum MNISTAvailability {
  /// The folder that KERNELVLM_DATA names, if it holds all four files.
  static let folder: String? = {
    guard let folder = ProcessInfo.processInfo.environment["KERNELVLM_DATA"] else { return nil }
    return MNIST.missing(in: folder).isEmpty ? folder : nil
  }()

  static let isPresent = folder != nil

  /// Why such a test is skipped; for `.enabled(if:_:)`.
  static let reason: Comment = "KERNELVLM_DATA names no folder with MNIST"
}
