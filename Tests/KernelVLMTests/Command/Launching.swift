import Foundation

/// How tests start the command otherwise than by itself.
enum Launching {
  /// What makes a command that follows one of an ordinary user.
  static let asNobody = geteuid() == 0 ? "setpriv --reuid 65534 --regid 65534 --clear-groups" : ""

  static func succeeds(_ script: String) -> Bool {
    (try? CommandRun([], shell: "\(script) > /dev/null 2>&1"))?.status == 0
  }
}
