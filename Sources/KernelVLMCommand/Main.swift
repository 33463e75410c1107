import ArgumentParser
import Foundation
import KernelVLM

@main
extension KernelVLMCommand {
  static func main() {
    fillStandardStreams()
    // What cannot be written is then an error, which is reported or may be passed over: a file that grows over the limit,
    // and a stream that nobody reads any more.
    for number in [SIGXFSZ, SIGPIPE] { signal(number, SIG_IGN) }
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
      end(error)
    }
  }

  /// Opens those of the descriptors 0, 1 and 2 that are closed, or the next files that are opened would be taken for the
  /// standard streams. Only to read: a result that nobody gets is an error, as it is where the descriptor is closed.
  private static func fillStandardStreams() {
    for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
      guard open("/dev/null", O_RDONLY) == descriptor else { _exit(EX_OSERR) }
    }
  }

  private static func end(_ error: any Error) -> Never {
    if let failure = Failure(error) {
      Output.error("Error: \(failure.message)")
      Foundation.exit(failure.status)
    }
    // Help and the like, which are results; the parser's own way of printing them does not see that they are lost.
    guard exitCode(for: error) == .success else { exit(withError: error) }
    do {
      try Output.result(fullMessage(for: error))
      Foundation.exit(EXIT_SUCCESS)
    } catch {
      end(error)
    }
  }
}
