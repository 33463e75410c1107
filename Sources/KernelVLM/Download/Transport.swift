import Foundation
import Synchronization

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// Fetches a URL's content, of at most `limit` bytes; reports the bytes received so far and, where it is known, how many
/// are to come in all.
public typealias Transport =
  @Sendable (_ url: URL, _ limit: Int, _ progress: @escaping @Sendable (_ received: Int, _ total: Int?) -> Void)
  throws(TransportError) -> [UInt8]

/// Why a URL's content did not come.
public struct TransportError: Error, Equatable {
  /// What went wrong, as in "cannot resolve the host".
  public let reason: String
  /// Whether no connection came about: the network may be missing altogether.
  public let isUnreachable: Bool

  /// What went wrong, and whether no connection came about.
  public init(_ reason: String, isUnreachable: Bool = false) {
    self.reason = reason
    self.isUnreachable = isUnreachable
  }
}

/// By `URLSession`, https only: also after a redirect. Loopback addresses may be http, for a server on this machine.
public let httpsTransport: Transport = makeTransport()

/// What `httpsTransport` is, with its patience to choose.
///
/// Gives up where fewer than `leastBytes` come in a `window` of time, so that neither a silent server nor a slow drip
/// holds it up, and where more than the limit comes. Every answer but 200 is an error. Waits for the result.
func makeTransport(window: Duration = .seconds(10), leastBytes: Int = 10_000) -> Transport {
  { (url, limit, progress) throws(TransportError) in
    guard HTTPDownload.permits(url, from: url) else { throw TransportError("only https is allowed") }
    let folders = FoundationFolders()
    defer { folders.remove() }
    let configuration = URLSessionConfiguration.ephemeral
    // A day, so of no account: it is `wait` that gives up.
    configuration.timeoutIntervalForRequest = 86_400
    let download = HTTPDownload(limit: limit, progress: progress)
    let queue = PausingQueue(download)
    let session = URLSession(configuration: configuration, delegate: download, delegateQueue: queue)
    defer { session.invalidateAndCancel() }
    session.dataTask(with: url).resume()
    let result = download.wait(window: window, leastBytes: leastBytes) { queue.pause(session, $0) }
    return try result.get()
  }
}

/// The queue of a session's delegate, which keeps the session from spinning.
///
/// Foundation's session goes on asking whether it may write to its socket when it has nothing to write, and the answer is
/// always yes: without a pause that takes most of a core for as long as a server is silent. It asks on a serial queue of
/// its own, on which it also adds to this one; so an addition that takes its time makes it wait.
private final class PausingQueue: OperationQueue, @unchecked Sendable {
  private let download: HTTPDownload
  private let nextPause = Mutex(Duration.zero)

  init(_ download: HTTPDownload) {
    self.download = download
    super.init()
    maxConcurrentOperationCount = 1
  }

  /// Keeps the session waiting for so long; what it receives meanwhile comes after.
  func pause(_ session: URLSession, _ duration: Duration) {
    nextPause.withLock { $0 = duration }
    session.getAllTasks { _ in }
  }

  override func addOperation(_ block: @escaping @Sendable () -> Void) {
    let pause = nextPause.withLock { pause in
      defer { pause = .zero }
      return pause
    }
    guard pause > .zero else { return super.addOperation(block) }
    Thread.sleep(forTimeInterval: pause / .seconds(1))
    // Once the download is over the session forgets its tasks, on its own queue: it must not look for them on this one.
    super.addOperation { [download] in if !download.isOver { block() } }
  }
}

/// The folders that Foundation makes for a session's cache and cookies, which this session does not have.
private struct FoundationFolders {
  /// Those that were not there before, the deepest first.
  private let absent: [String]

  init() {
    let cache = FileManager.default.urls(for: .cachesDirectory, in: .userDomainMask).map {
      $0.appendingPathComponent("org.swift.foundation.URLCache/\(ProcessInfo.processInfo.processName)")
    }
    let cookies = FileManager.default.urls(for: .applicationSupportDirectory, in: .userDomainMask).map {
      $0.appendingPathComponent(Bundle.main.bundleURL.lastPathComponent)
    }
    absent = (cache + cookies).flatMap { folder in
      sequence(first: folder) { $0.deletingLastPathComponent() }.lazy.map(\.path)
        .prefix { !FileManager.default.fileExists(atPath: $0) }
    }
  }

  /// Those that are empty.
  func remove() { for folder in absent { rmdir(folder) } }
}

/// The delegate of one download: collects the body and remembers the first thing that went wrong.
final class HTTPDownload: NSObject, URLSessionDataDelegate {
  private struct State {
    var body: [UInt8] = []
    var total: Int?
    var redirects = 0
    /// Whether the end has come.
    var isOver = false
    /// Whether there was a response that is no redirect. A redirect to nowhere ends without one, and without an error.
    var isAnswered = false
    /// The first thing that went wrong.
    var failure: TransportError?
  }

  private static let mostRedirects = 8

  private let limit: Int
  private let progress: @Sendable (Int, Int?) -> Void
  private let state = Mutex(State())
  private let finished = DispatchSemaphore(value: 0)

  init(limit: Int, progress: @escaping @Sendable (Int, Int?) -> Void) {
    self.limit = limit
    self.progress = progress
  }

  /// https to anywhere; http only on this machine and only for a download that began there.
  static func permits(_ url: URL, from origin: URL) -> Bool {
    let loopback = ["127.0.0.1", "::1", "localhost"]
    let isLocal = [url, origin].allSatisfy { $0.scheme == "http" && loopback.contains($0.host ?? "") }
    return url.scheme == "https" || isLocal
  }

  var isOver: Bool { state.withLock { $0.isOver } }

  /// The body, or the first thing that went wrong: that in one `window` fewer than `leastBytes` came, perhaps. `pause` is
  /// called after each turn in which nothing came, with the length of the next.
  ///
  /// The window is waited for in short turns: of the time in which the machine sleeps or the process is stopped, it counts
  /// one turn at most, and nobody takes that for a server that is slow.
  func wait(
    window: Duration, leastBytes: Int, pause: (Duration) -> Void
  ) -> Result<[UInt8], TransportError> {
    let turns = 200
    var (before, last) = (0, 0)
    var turn = 0
    while finished.wait(timeout: .now() + window / .seconds(1) / Double(turns)) == .timedOut {
      turn += 1
      let received = state.withLock { $0.body.count }
      if received == last { pause(window / turns) }
      last = received
      guard turn % turns == 0 else { continue }
      guard received - before >= leastBytes else {
        fail(Self.stalled(after: received, window))
        break
      }
      before = received
    }
    return state.withLock { state in state.failure.map { .failure($0) } ?? .success(state.body) }
  }

  func urlSession(
    _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
    newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
  ) {
    let redirects = state.withLock { state in
      state.redirects += 1
      return state.redirects
    }
    if redirects > Self.mostRedirects {
      fail(TransportError("redirected more than \(Self.mostRedirects) times"))
    } else if let url = request.url, let origin = task.originalRequest?.url, Self.permits(url, from: origin) {
      return completionHandler(request)
    } else {
      fail(TransportError("redirected to \(request.url?.absoluteString ?? "nowhere"), only https is allowed"))
    }
    completionHandler(nil)
    task.cancel()
  }

  func urlSession(
    _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
    completionHandler: @escaping @Sendable (URLSession.ResponseDisposition) -> Void
  ) {
    let status = (response as? HTTPURLResponse)?.statusCode ?? 0
    let length = response.expectedContentLength
    state.withLock { state in
      state.isAnswered = true
      state.total = length > 0 ? Int(length) : nil
    }
    if status != 200 { fail(TransportError("HTTP status \(status)")) }
    if length > Int64(limit) { fail(tooLong("\(length)")) }
    completionHandler(state.withLock { $0.failure == nil } ? .allow : .cancel)
  }

  func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
    let (received, total) = state.withLock { state in
      // What still comes after a cancellation is not kept.
      if state.failure == nil, data.count <= limit - state.body.count {
        state.body.append(contentsOf: data)
      } else if state.failure == nil {
        state.failure = tooLong("more")
      }
      return (state.failure == nil ? state.body.count : nil, state.total)
    }
    if let received { progress(received, total) } else { dataTask.cancel() }
  }

  func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
    if let error { fail(Self.describe(error)) }
    if !state.withLock({ $0.isAnswered }) { fail(TransportError("no answer")) }
    state.withLock { $0.isOver = true }
    finished.signal()
  }

  /// The first failure counts: a cancelled task reports its cancellation afterwards.
  private func fail(_ failure: TransportError) {
    state.withLock { if $0.failure == nil { $0.failure = failure } }
  }

  private func tooLong(_ found: String) -> TransportError {
    TransportError("expected at most \(limit) bytes, found \(found)")
  }

  private static func stalled(after received: Int, _ window: Duration) -> TransportError {
    received == 0
      ? TransportError("nothing arrived for \(window)", isUnreachable: true)
      : TransportError("too slow: \(received) bytes, and next to none in the last \(window)")
  }

  private static func describe(_ error: any Error) -> TransportError {
    switch (error as? URLError)?.code {
    case .cannotFindHost, .dnsLookupFailed: TransportError("cannot resolve the host", isUnreachable: true)
    case .cannotConnectToHost: TransportError("cannot connect", isUnreachable: true)
    case .notConnectedToInternet: TransportError("no network", isUnreachable: true)
    case .timedOut: TransportError("timed out", isUnreachable: true)
    default: TransportError(error.localizedDescription)
    }
  }
}
