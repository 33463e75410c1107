import Foundation
import Synchronization
import Testing

/// An HTTP server on 127.0.0.1, on a port that the system chooses. Each connection has a thread, which reads the request,
/// calls `answer` and closes; so an answer may take as long as it likes and break any rule.
final class LocalServer: Sendable {
  /// A client that has asked for something.
  struct Connection {
    /// "/labels.gz"
    let path: String
    fileprivate let socket: Int32

    /// False once the client is gone.
    @discardableResult func send(_ bytes: [UInt8]) -> Bool {
      var rest = bytes[...]
      while !rest.isEmpty {
        let sent = rest.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        guard sent > 0 else { return false }
        rest = rest.dropFirst(sent)
      }
      return true
    }

    @discardableResult func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    /// Status line and headers: `head("200 OK", "Content-Length: 3")`.
    func head(_ status: String, _ headers: String...) {
      send("HTTP/1.1 \(status)\r\nConnection: close\r\n\(headers.map { $0 + "\r\n" }.joined())\r\n")
    }

    /// A whole and right answer.
    func content(_ bytes: [UInt8]) {
      head("200 OK", "Content-Length: \(bytes.count)")
      send(bytes)
    }

    /// Sends `bytes` again and again, every `interval` or as fast as they are taken, until the client goes or `limit`
    /// bytes are sent. Whether the client went.
    @discardableResult func repeatUntilGone(_ bytes: [UInt8], every interval: UInt32 = 0, limit: Int) -> Bool {
      for _ in 0..<limit / bytes.count {
        if !send(bytes) { return true }
        usleep(interval)
      }
      return false
    }

    /// Says nothing until the client goes.
    func waitUntilGone() {
      var byte: UInt8 = 0
      while read(socket, &byte, 1) > 0 {}
    }
  }

  let port: UInt16
  private let listener: Int32
  private let log = Log()

  private final class Log: Sendable {
    let paths = Mutex<[String]>([])
  }

  /// What was asked for, in order.
  var paths: [String] { log.paths.withLock { $0 } }

  /// - Parameter readsRequest: if not, the connection is closed as soon as it is made.
  init(readsRequest: Bool = true, _ answer: @escaping @Sendable (Connection) -> Void) throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    self.listener = listener
    port = try Self.bind(listener)
    try #require(listen(listener, 64) == 0)
    Thread.detachNewThread { [log] in
      while true {
        let socket = accept(listener, nil, nil)
        guard socket >= 0 else { break }
        Thread.detachNewThread {
          defer { close(socket) }
          guard readsRequest, let path = Self.request(socket) else { return }
          log.paths.withLock { $0.append(path) }
          answer(Connection(path: path, socket: socket))
        }
      }
      close(listener)
    }
  }

  /// Wakes the thread that accepts, which then closes the socket.
  deinit { shutdown(listener, Int32(SHUT_RDWR)) }

  /// "http://127.0.0.1:41234/mnist/"
  var mirror: String { "http://127.0.0.1:\(port)/mnist/" }

  /// The mirror of a server that has gone: nothing listens there.
  static func closedMirror() throws -> String {
    let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(socket) }
    return "http://127.0.0.1:\(try bind(socket))/mnist/"
  }

  /// Binds to a free port of 127.0.0.1, which it returns.
  private static func bind(_ socket: Int32) throws -> UInt16 {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    try withUnsafeMutablePointer(to: &address) {
      try $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        try #require(Glibc.bind(socket, $0, length) == 0 && getsockname(socket, $0, &length) == 0)
      }
    }
    return UInt16(bigEndian: address.sin_port)
  }

  /// The path that a request asks for, once all of its head has come.
  private static func request(_ socket: Int32) -> String? {
    var head = ""
    var byte: UInt8 = 0
    while !head.hasSuffix("\r\n\r\n") {
      guard read(socket, &byte, 1) == 1 else { return nil }
      head.unicodeScalars.append(Unicode.Scalar(byte))
    }
    let words = head.prefix { !$0.isNewline }.split(separator: " ")
    return words.count == 3 ? String(words[1]) : nil
  }
}
