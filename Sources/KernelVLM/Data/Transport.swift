import Foundation
import Synchronization

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// Fetches a URL's content; reports the bytes received so far and, where it is known, how many are to come in all.
public typealias Transport =
  @Sendable (_ url: URL, _ progress: @escaping @Sendable (_ received: Int, _ total: Int?) -> Void)
  throws(TransportError) -> [UInt8]

/// Why a URL's content did not come.
public struct TransportError: Error, Equatable {
  /// What went wrong, as in "cannot resolve the host".
  public let reason: String
  /// Whether no connection came about: the network may be missing altogether.
  public let isUnreachable: Bool

  public init(_ reason: String, isUnreachable: Bool = false) {
    self.reason = reason
    self.isUnreachable = isUnreachable
  }
}

/// By `URLSession`, https only: also after a redirect. Loopback addresses may be http, for a server on this machine.
///
/// Gives up when nothing arrives for 10 seconds, and at 64 MiB; every answer but 200 is an error. Waits for the result.
public let httpsTransport: Transport = { (url, progress) throws(TransportError) in
  guard HTTPDownload.permits(url, from: url) else { throw TransportError("only https is allowed") }
  let configuration = URLSessionConfiguration.ephemeral
  configuration.timeoutIntervalForRequest = 10
  let download = HTTPDownload(progress: progress)
  let session = URLSession(configuration: configuration, delegate: download, delegateQueue: nil)
  defer { session.invalidateAndCancel() }
  session.dataTask(with: url).resume()
  return try download.wait().get()
}

/// The delegate of one download: collects the body and remembers the first thing that went wrong.
final class HTTPDownload: NSObject, URLSessionDataDelegate {
  private struct State {
    var body: [UInt8] = []
    var total: Int?
    var failure: TransportError?
  }

  private static let greatestBody = 64 << 20

  private let progress: @Sendable (Int, Int?) -> Void
  private let state = Mutex(State())
  private let finished = DispatchSemaphore(value: 0)

  init(progress: @escaping @Sendable (Int, Int?) -> Void) {
    self.progress = progress
  }

  /// https to anywhere; http only on this machine and only for a download that began there.
  static func permits(_ url: URL, from origin: URL) -> Bool {
    let loopback = ["127.0.0.1", "::1", "localhost"]
    let isLocal = [url, origin].allSatisfy { $0.scheme == "http" && loopback.contains($0.host ?? "") }
    return url.scheme == "https" || isLocal
  }

  func wait() -> Result<[UInt8], TransportError> {
    finished.wait()
    return state.withLock { state in state.failure.map { .failure($0) } ?? .success(state.body) }
  }

  func urlSession(
    _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
    newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
  ) {
    if let url = request.url, let origin = task.originalRequest?.url, Self.permits(url, from: origin) {
      completionHandler(request)
    } else {
      fail(TransportError("redirected to \(request.url?.absoluteString ?? "nowhere"), only https is allowed"))
      completionHandler(nil)
      task.cancel()
    }
  }

  func urlSession(
    _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
    completionHandler: @escaping @Sendable (URLSession.ResponseDisposition) -> Void
  ) {
    let status = (response as? HTTPURLResponse)?.statusCode ?? 0
    let length = response.expectedContentLength
    state.withLock { $0.total = length > 0 ? Int(length) : nil }
    if status != 200 { fail(TransportError("HTTP status \(status)")) }
    if length > Int64(Self.greatestBody) { fail(TransportError("\(length) bytes, at most \(Self.greatestBody)")) }
    completionHandler(state.withLock { $0.failure == nil } ? .allow : .cancel)
  }

  func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
    let (received, total) = state.withLock { state in
      state.body.append(contentsOf: data)
      return (state.body.count, state.total)
    }
    if received > Self.greatestBody {
      fail(TransportError("more than \(Self.greatestBody) bytes"))
      dataTask.cancel()
    }
    progress(received, total)
  }

  func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
    if let error { fail(Self.describe(error)) }
    finished.signal()
  }

  /// The first failure counts: a cancelled task reports its cancellation afterwards.
  private func fail(_ failure: TransportError) {
    state.withLock { if $0.failure == nil { $0.failure = failure } }
  }

  private static func describe(_ error: any Error) -> TransportError {
    switch (error as? URLError)?.code {
    case .cannotFindHost, .dnsLookupFailed: TransportError("cannot resolve the host", isUnreachable: true)
    case .cannotConnectToHost: TransportError("cannot connect", isUnreachable: true)
    case .notConnectedToInternet: TransportError("no network", isUnreachable: true)
    case .timedOut: TransportError("nothing arrived for 10 seconds", isUnreachable: true)
    default: TransportError(error.localizedDescription)
    }
  }
}
