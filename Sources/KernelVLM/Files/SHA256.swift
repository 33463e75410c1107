import COpenSSL

/// SHA-256 (FIPS 180-4) by libcrypto, fed piece by piece.
///
/// By the functions that OpenSSL calls low-level, whose state is a plain struct: they allocate nothing, so they cannot
/// fail, which those of EVP can.
public struct SHA256 {
  private var state = SHA256_CTX()

  /// Of no bytes yet.
  public init() { SHA256_Init(&state) }

  /// Takes the next bytes.
  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    SHA256_Update(&state, bytes.baseAddress, bytes.count)
  }

  /// Takes the next bytes.
  public mutating func update(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { update($0) }
  }

  /// The digest of all bytes so far as 64 lower-case hexadecimal digits; ends the stream.
  public consuming func hex() -> String {
    var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
    SHA256_Final(&digest, &state)
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
