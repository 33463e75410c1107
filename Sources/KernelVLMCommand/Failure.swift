import Foundation
import KernelVLM

/// An error of the library or of the output as the command reports it: one line, and an exit status of `sysexits.h`.
struct Failure {
  let message: String
  let status: Int32

  /// Nil for other errors, which are the option parser's.
  init?(_ error: any Error) {
    switch error {
    case let error as ConfigurationError:
      message = "\(Self.option(of: error.setting)): \(error)"
      status = EX_USAGE
    case let error as FileError:
      message = error.description
      status =
        switch error.kind {
        case .missing: EX_NOINPUT
        case .malformed: EX_DATAERR
        case .unwritable: EX_CANTCREAT
        case .unavailable: EX_UNAVAILABLE
        case .memory: EX_OSERR
        }
    case let error as TrainingError:
      message = error.description
      status = EX_SOFTWARE
    case let error as OutputError:
      message = error.description
      status = EX_IOERR
    default:
      return nil
    }
  }

  /// The option that sets what the library calls `setting`.
  static func option(of setting: String) -> String {
    let names = [
      "maximum text length": "max-text", "reconstruction weight": "recon-weight", "instruction set": "isa",
      "width of a head": "heads", "vision features": "tensor-tokens, --direct", "training images": "data",
      "label": "data",
    ]
    if setting.hasPrefix("direct") { return "--direct" }
    if setting.hasPrefix("name") || setting == "number of names" { return "--names" }
    return "--" + (names[setting] ?? setting.lowercased().replacing(" ", with: "-"))
  }
}
