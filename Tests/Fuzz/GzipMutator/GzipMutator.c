// Mutates a gzip file and makes every other one's trailer right again, which no blind change would ever find.

#include <stdint.h>
#include <string.h>
#include <zlib.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

static void put_little_endian(uint8_t *bytes, uint32_t word) {
  for (int i = 0; i < 4; i++) bytes[i] = (uint8_t)(word >> 8 * i);
}

/// Inflates the gzip member at `data` without checking it, then writes its CRC-32 and length where they belong.
static void seal(uint8_t *data, size_t size) {
  enum { TRAILER = 8, GZIP_ONLY = 16 + MAX_WBITS, GREATEST_OUTPUT = 1 << 18 };
  z_stream stream = {.next_in = data, .avail_in = (uInt)size};
  if (inflateInit2(&stream, GZIP_ONLY) != Z_OK) return;
  inflateValidate(&stream, 0);
  uint8_t output[4096];
  uLong crc = crc32(0, NULL, 0);
  int status = Z_OK;
  while (status == Z_OK && stream.total_out < GREATEST_OUTPUT) {
    stream.next_out = output;
    stream.avail_out = sizeof output;
    status = inflate(&stream, Z_NO_FLUSH);
    crc = crc32(crc, output, (uInt)(sizeof output - stream.avail_out));
  }
  if (status == Z_STREAM_END) {
    put_little_endian(data + stream.total_in - TRAILER, (uint32_t)crc);
    put_little_endian(data + stream.total_in - TRAILER / 2, (uint32_t)stream.total_out);
  }
  inflateEnd(&stream);
}

/// libFuzzer's hook. The first byte of an input is not the file's.
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
  size_t mutated = LLVMFuzzerMutate(data, size, max_size);
  if (seed % 2 == 0 && mutated > 3) {
    memcpy(data + 1, (const uint8_t[]){0x1F, 0x8B}, 2);
    seal(data + 1, mutated - 1);
  }
  return mutated;
}
