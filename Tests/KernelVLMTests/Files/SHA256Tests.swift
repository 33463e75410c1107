import KernelVLM
import Testing

struct SHA256Tests {
  /// FIPS 180-4's examples and its long message.
  @Test(arguments: [
    ("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ("a", 1_000_000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
  ])
  func theStandardsMessagesHaveTheirDigests(text: String, count: Int, digest: String) {
    #expect(sha256Hex(of: [UInt8](String(repeating: text, count: count).utf8)) == digest)
  }

  @Test func piecesHashLikeTheWhole() {
    let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * 7) }
    var hash = SHA256()
    hash.update(Array(bytes[..<1]))
    hash.update([])
    hash.update(Array(bytes[1...]))
    #expect(hash.hex() == sha256Hex(of: bytes))
  }
}
