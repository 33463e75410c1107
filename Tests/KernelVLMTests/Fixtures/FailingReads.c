// To be preloaded: makes a call fail with which the program reads FAULT_TARGET.
//
// FAULT=open, fstat, read: that call fails with EIO. interrupted: the first open and the first read fail with EINTR.
// half: a read gives at most half of what is asked for. end: the file ends after the first half.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int target = -1, opens, reads;

static int is(const char *name) {
  const char *fault = getenv("FAULT");
  return fault && !strcmp(fault, name);
}

static int fail(int error) {
  errno = error;
  return -1;
}

#define NEXT(function) ((__typeof__(&function))dlsym(RTLD_NEXT, #function))

int open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  const char *wanted = getenv("FAULT_TARGET");
  if (!wanted || strcmp(path, wanted)) return NEXT(open)(path, flags, mode);
  if (is("open")) return fail(EIO);
  if (is("interrupted") && opens++ == 0) return fail(EINTR);
  return target = NEXT(open)(path, flags, mode);
}

int close(int file) {
  if (file == target) target = -1;
  return NEXT(close)(file);
}

int fstat(int file, struct stat *status) {
  return file == target && is("fstat") ? fail(EIO) : NEXT(fstat)(file, status);
}

ssize_t read(int file, void *bytes, size_t size) {
  if (file != target) return NEXT(read)(file, bytes, size);
  if (is("read")) return fail(EIO);
  if (is("interrupted") && reads++ == 0) return fail(EINTR);
  if (is("end") && reads++ > 0) return 0;
  return NEXT(read)(file, bytes, (is("half") || is("end")) && size > 1 ? size / 2 : size);
}
