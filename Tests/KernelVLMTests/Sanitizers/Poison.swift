import Glibc

/// Makes any access to so many bytes an error to AddressSanitizer; nil without it.
let poison = regionFunction("__asan_poison_memory_region")

/// Takes that back.
let unpoison = regionFunction("__asan_unpoison_memory_region")

private func regionFunction(_ name: String) -> (@convention(c) (_ start: UnsafeRawPointer, _ byteCount: Int) -> Void)? {
  unsafeBitCast(dlsym(nil, name), to: (@convention(c) (UnsafeRawPointer, Int) -> Void)?.self)
}
