// What Swift's runtime and the kernels take from a C library, where there is none: memory and its functions.
// WebAssembly grows its memory by pages and never gives one back.
#include <stddef.h>
#include <stdint.h>

#include "CVLMKernels.h"

// A block has a header before it: its size class. Freed blocks of a class are chained through their first word. Sizes
// are powers of two, so at most half of a block is unused.
typedef struct block {
  struct block *next;
} block;

enum { LINE = 64, PAGE = 1 << 16, CLASSES = 32 };

extern unsigned char __heap_base;
static uintptr_t top;
static block *free_blocks[CLASSES];

static int class_of(size_t size) {
  int class = 4;
  while (class < CLASSES - 1 && (size_t)1 << class < size) class ++;
  return class;
}

/// Zero if memory cannot grow.
static uintptr_t take(size_t size, size_t alignment) {
  if (top == 0) top = (uintptr_t)&__heap_base;
  const uintptr_t start = (top + alignment - 1) / alignment * alignment, end = start + size;
  const uintptr_t have = __builtin_wasm_memory_size(0) * (uintptr_t)PAGE;
  if (end < start) return 0;
  if (end > have && __builtin_wasm_memory_grow(0, (end - have + PAGE - 1) / PAGE) == (size_t)-1) return 0;
  top = end;
  return start;
}

void *aligned_alloc(size_t alignment, size_t size) {
  if (alignment > LINE || size > (size_t)1 << (CLASSES - 2)) return NULL;
  const int class = class_of(size);
  block *found = free_blocks[class];
  if (found) {
    free_blocks[class] = found->next;
    return found;
  }
  // All blocks begin on a cache line, behind a line whose last word is the class.
  const uintptr_t start = take(LINE + ((size_t)1 << class), LINE);
  if (start == 0) return NULL;
  int *header = (int *)(start + LINE) - 1;
  *header = class;
  return (void *)(start + LINE);
}

void free(void *memory) {
  if (!memory) return;
  const int class = ((int *)memory)[-1];
  block *freed = memory;
  freed->next = free_blocks[class];
  free_blocks[class] = freed;
}

void *malloc(size_t size) { return aligned_alloc(16, size); }

int posix_memalign(void **memory, size_t alignment, size_t size) {
  *memory = aligned_alloc(alignment, size);
  return *memory ? 0 : 12;
}

_Noreturn void abort(void) { __builtin_trap(); }

// The compiler would make calls of themselves of these loops.
#define PLAIN __attribute__((no_builtin))

PLAIN void *memcpy(void *restrict to, const void *restrict from, size_t count) {
  unsigned char *a = to;
  const unsigned char *b = from;
  for (size_t i = 0; i < count; i++) a[i] = b[i];
  return to;
}

PLAIN void *memmove(void *to, const void *from, size_t count) {
  unsigned char *a = to;
  const unsigned char *b = from;
  if (a < b) {
    for (size_t i = 0; i < count; i++) a[i] = b[i];
  } else {
    for (size_t i = count; i > 0; i--) a[i - 1] = b[i - 1];
  }
  return to;
}

PLAIN void *memset(void *to, int value, size_t count) {
  unsigned char *a = to;
  for (size_t i = 0; i < count; i++) a[i] = (unsigned char)value;
  return to;
}

PLAIN int memcmp(const void *left, const void *right, size_t count) {
  const unsigned char *a = left, *b = right;
  for (size_t i = 0; i < count; i++) {
    if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
  }
  return 0;
}

PLAIN size_t strlen(const char *text) {
  size_t length = 0;
  while (text[length]) length++;
  return length;
}

/// The compiler's product of 128 bits, where the processor has none: from four products of 32-bit halves.
unsigned __int128 __multi3(unsigned __int128 a, unsigned __int128 b) {
  const uint64_t al = (uint64_t)a, ah = (uint64_t)(a >> 64), bl = (uint64_t)b, bh = (uint64_t)(b >> 64);
  const uint64_t a0 = (uint32_t)al, a1 = al >> 32, b0 = (uint32_t)bl, b1 = bl >> 32;
  const uint64_t middle = a1 * b0 + (a0 * b0 >> 32), other = a0 * b1 + (uint32_t)middle;
  const uint64_t high = a1 * b1 + (middle >> 32) + (other >> 32) + al * bh + ah * bl;
  return (unsigned __int128)high << 64 | al * bl;
}

// Swift seeds its hash tables with these; no result of the core depends on their order.
void arc4random_buf(void *buffer, size_t count) { memset(buffer, 42, count); }

// The message of a trap, which has nowhere to go.
int putchar(int character) { return character; }

float logf(float x) { return (float)vlm_log(x); }
