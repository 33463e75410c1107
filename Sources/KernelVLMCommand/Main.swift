import ArgumentParser
import Foundation
import KernelVLM

@main
extension KernelVLMCommand {
  static func main() {
    // A file that grows over the limit is then an error, which names it.
    signal(SIGXFSZ, SIG_IGN)
    OutOfMemory.handle { byteCount in
      Output.error("Error: expected \(byteCount) bytes of memory, found too little")
      // At once: other threads may be at work.
      _exit(EX_OSERR)
    }
    do {
      var command = try parseAsRoot()
      if (command as? any NotingCommand)?.noteOptions.quiet == true { Output.silenceNotes() }
      try command.run()
    } catch {
      guard let failure = Failure(error) else { exit(withError: error) }
      Output.error("Error: \(failure.message)")
      Foundation.exit(failure.status)
    }
  }
}
