// To be preloaded: makes an allocation fail that the program itself, zlib, TurboJPEG or libcrypto asks for.
//
// FAIL_AT=n: the n-th fails, counted from 1. FAIL_ON=1: and all after it. FAIL_REPORT=file: a line for the first one that
// failed is written there. What Swift's runtime, Foundation and the C library ask for is not counted, and malloc by the
// program is not either: that is the compiler, for the frames of coroutines. All these end the process.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PROGRAM, ZLIB, TURBO, CRYPTO, MODULES };
static const char *const names[MODULES] = {"program", "libz", "libturbojpeg", "libcrypto"};
static struct { uintptr_t start, end; } modules[MODULES];
static long fail_at, fail_on;
static const char *report;
static atomic_long count;
static atomic_int is_reported;

static int note_module(struct dl_phdr_info *info, size_t size, void *context) {
  (void)size, (void)context;
  int module = info->dlpi_name[0] == 0 ? PROGRAM
               : strstr(info->dlpi_name, "/libz.so") ? ZLIB
               : strstr(info->dlpi_name, "/libturbojpeg.so") ? TURBO
               : strstr(info->dlpi_name, "/libcrypto.so") ? CRYPTO : MODULES;
  if (module == MODULES) return 0;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *header = &info->dlpi_phdr[i];
    if (header->p_type != PT_LOAD || !(header->p_flags & PF_X)) continue;
    modules[module].start = info->dlpi_addr + header->p_vaddr;
    modules[module].end = modules[module].start + header->p_memsz;
  }
  return 0;
}

__attribute__((constructor)) static void begin(void) {
  const char *at = getenv("FAIL_AT"), *on = getenv("FAIL_ON");
  report = getenv("FAIL_REPORT");
  fail_on = on && atol(on);
  dl_iterate_phdr(note_module, 0);
  fail_at = at ? atol(at) : 0;
}

static int fails(const void *caller, const char *function, size_t size) {
  if (fail_at == 0) return 0;
  for (int i = function[0] == 'm' && function[1] == 'a' ? ZLIB : PROGRAM; i < MODULES; i++) {
    if ((uintptr_t)caller < modules[i].start || (uintptr_t)caller >= modules[i].end) continue;
    long n = atomic_fetch_add(&count, 1) + 1;
    if (n < fail_at || (n > fail_at && !fail_on)) return 0;
    if (n == fail_at && report) {
      char line[128];
      int length = snprintf(line, sizeof line, "%s %s %zu\n", names[i], function, size);
      int file = open(report, O_WRONLY | O_CREAT | O_APPEND, 0600);
      if (write(file, line, length) != length) abort();
      close(file);
    }
    if (n == fail_at) is_reported = 1;
    // What fails afterwards may end the process, in another thread.
    while (!is_reported) sched_yield();
    return 1;
  }
  return 0;
}

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
#define FAILS(size) (fails(__builtin_return_address(0), __func__, size))

void *malloc(size_t size) {
  if (FAILS(size)) return errno = ENOMEM, (void *)0;
  return __libc_malloc(size);
}

void *calloc(size_t n, size_t size) {
  if (FAILS(n * size)) return errno = ENOMEM, (void *)0;
  return __libc_calloc(n, size);
}

void *realloc(void *old, size_t size) {
  if (FAILS(size)) return errno = ENOMEM, (void *)0;
  return __libc_realloc(old, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
  if (FAILS(size)) return ENOMEM;
  *result = __libc_memalign(alignment, size);
  return *result ? 0 : ENOMEM;
}

void *aligned_alloc(size_t alignment, size_t size) {
  if (FAILS(size)) return errno = ENOMEM, (void *)0;
  return __libc_memalign(alignment, size);
}

void *mmap(void *address, size_t size, int protection, int flags, int file, off_t offset) {
  static void *(*next)(void *, size_t, int, int, int, off_t);
  if (!next) next = (void *(*)(void *, size_t, int, int, int, off_t))dlsym(RTLD_NEXT, "mmap");
  if (FAILS(size)) return errno = ENOMEM, MAP_FAILED;
  return next(address, size, protection, flags, file, offset);
}

void *mmap64(void *address, size_t size, int protection, int flags, int file, off_t offset) {
  if (FAILS(size)) return errno = ENOMEM, MAP_FAILED;
  return mmap(address, size, protection, flags, file, offset);
}
