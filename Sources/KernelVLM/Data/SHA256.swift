import COpenSSL

/// SHA-256 (FIPS 180-4) by libcrypto, fed piece by piece.
public struct SHA256: ~Copyable {
  private let context: OpaquePointer

  public init() {
    guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
      preconditionFailure("libcrypto offers no SHA-256")
    }
    self.context = context
  }

  deinit { EVP_MD_CTX_free(context) }

  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    let status = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
    precondition(status == 1, "libcrypto could not hash \(bytes.count) bytes")
  }

  public mutating func update(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { update($0) }
  }

  /// The digest of all bytes so far as 64 lower-case hexadecimal digits; ends the stream.
  public consuming func hex() -> String {
    var digest = [UInt8](repeating: 0, count: 32)
    let status = EVP_DigestFinal_ex(context, &digest, nil)
    precondition(status == 1, "libcrypto could not finish a digest")
    return digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}

/// SHA-256 of `bytes` as 64 lower-case hexadecimal digits.
public func sha256Hex(of bytes: UnsafeRawBufferPointer) -> String {
  var hash = SHA256()
  hash.update(bytes)
  return hash.hex()
}

/// SHA-256 of `bytes` as 64 lower-case hexadecimal digits.
public func sha256Hex(of bytes: [UInt8]) -> String {
  bytes.withUnsafeBytes { sha256Hex(of: $0) }
}
