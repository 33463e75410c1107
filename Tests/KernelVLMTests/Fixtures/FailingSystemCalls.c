// To be preloaded: makes a system call fail while the program saves a file.
//
// Calls are counted from 1, from the program's own lstat of FAULT_TARGET, with which a save begins, to the close of the
// folder, with which it ends; on that thread, by whomever. FAULT_SAVE says which save: the first is only a trial. Files of
// /proc are not counted.
// FAULT=EIO, ENOSPC: call number FAULT_AT fails with that error. EINTR: counted are only the calls that a signal may
// interrupt. EWOULDBLOCK: counted are only locks, and one that fails is another process's. short: counted are only
// writes, and what fails writes one half. unlinked: counted are only fstat, and before one that fails another process has
// removed the new file. kill: the process is killed instead of the call, a write when it is half done.
// FAULT_SAVE: 1 is the trial of the place, 2 the save, 3 the one with the accuracy; those after it are refused, unless it is
// the trial.
// FAULT_ON=1: and all calls after it. FAULT_REPORT=file: the call's name is written there.
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum fault { NONE, ERROR, INTERRUPTION, LOCKED, SHORT, UNLINKED, KILL };
static const struct {
  const char *name;
  enum fault fault;
  int error;
} faults[] = {
    {"EIO", ERROR, EIO},
    {"ENOSPC", ERROR, ENOSPC},
    {"EINTR", INTERRUPTION, EINTR},
    {"EWOULDBLOCK", LOCKED, EWOULDBLOCK},
    {"short", SHORT, EIO},
    {"unlinked", UNLINKED, EIO},
    {"kill", KILL, EIO},
};
static enum fault fault;
static int fault_error;
static long fault_at, fault_on, fault_save;
static const char *target, *report;
static uintptr_t program_start, program_end;

static _Thread_local int is_saving;
static int folder = -1, written = -1;
static long count, saves;
static char new_file[256];

static int note_program(struct dl_phdr_info *info, size_t size, void *context) {
  (void)size, (void)context;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *header = &info->dlpi_phdr[i];
    if (header->p_type != PT_LOAD || !(header->p_flags & PF_X)) continue;
    program_start = info->dlpi_addr + header->p_vaddr;
    program_end = program_start + header->p_memsz;
  }
  return 1;  // The program is the first of all modules.
}

__attribute__((constructor)) static void begin(void) {
  const char *name = getenv("FAULT"), *at = getenv("FAULT_AT"), *on = getenv("FAULT_ON"),
             *save = getenv("FAULT_SAVE");
  target = getenv("FAULT_TARGET");
  report = getenv("FAULT_REPORT");
  if (!name || !at || !target || !report) return;
  fault_at = atol(at);
  fault_on = on && atol(on);
  fault_save = save ? atol(save) : 1;
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
    if (strcmp(name, faults[i].name)) continue;
    fault = faults[i].fault;
    fault_error = faults[i].error;
  }
  dl_iterate_phdr(note_program, 0);
}

static int fails(const char *function, int can_be_interrupted) {
  if (!is_saving || (fault == INTERRUPTION && !can_be_interrupted)) return 0;
  if (fault == LOCKED && strcmp(function, "flock")) return 0;
  if (fault == SHORT && strcmp(function, "write")) return 0;
  if (fault == UNLINKED && strcmp(function, "fstat")) return 0;
  count++;
  if (count < fault_at || (count > fault_at && !fault_on)) return 0;
  if (count == fault_at) {
    long file = syscall(SYS_openat, AT_FDCWD, report, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (syscall(SYS_write, file, function, strlen(function)) != (long)strlen(function)) abort();
    syscall(SYS_close, file);
  }
  if (fault == KILL && strcmp(function, "write")) kill(getpid(), SIGKILL);
  errno = fault_error;
  return 1;
}

// The library's function of the same name.
#define NEXT(function) ((__typeof__(&function))dlsym(RTLD_NEXT, #function))
#define FAILS(can_be_interrupted) fails(__func__, can_be_interrupted)

static int is_of_proc(const char *path) { return !strncmp(path, "/proc/", 6); }

static mode_t mode_of(int flags, va_list rest) { return flags & O_CREAT ? va_arg(rest, mode_t) : 0; }

int open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = mode_of(flags, rest);
  va_end(rest);
  if (!is_of_proc(path) && FAILS(1)) return -1;
  int file = NEXT(open)(path, flags, mode);
  if (is_saving && folder < 0 && flags & O_DIRECTORY) folder = file;
  return file;
}

int openat(int at, const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = mode_of(flags, rest);
  va_end(rest);
  if (is_saving && flags & O_CREAT) strncpy(new_file, path, sizeof new_file - 1);
  return fails(flags & O_CREAT ? "openat of a new file" : "openat", 1) ? -1 : NEXT(openat)(at, path, flags, mode);
}

int fcntl(int file, int command, ...) {
  va_list rest;
  va_start(rest, command);
  void *argument = va_arg(rest, void *);
  va_end(rest);
  return FAILS(0) ? -1 : NEXT(fcntl)(file, command, argument);
}

ssize_t write(int file, const void *bytes, size_t size) {
  if (is_saving) written = file;
  if (!FAILS(1)) return NEXT(write)(file, bytes, size);
  if (fault != SHORT && fault != KILL) return -1;
  ssize_t written = NEXT(write)(file, bytes, size > 1 ? size / 2 : size);
  if (fault == KILL) kill(getpid(), SIGKILL);
  return written;
}

// As Linux does, it closes even where it fails.
int close(int file) {
  const char *name = file == folder ? "close of the folder" : file == written ? "close of the written file" : "close";
  int is_failed = fails(name, 1);
  if (is_saving && file == folder) is_saving = 0, folder = -1;
  int result = NEXT(close)(file);
  if (!is_failed) return result;
  errno = fault_error;
  return -1;
}

int lstat(const char *path, struct stat *status) {
  uintptr_t caller = (uintptr_t)__builtin_return_address(0);
  if (fault && !strcmp(path, target) && caller >= program_start && caller < program_end) {
    is_saving = ++saves == fault_save;
    if (fault_save > 1 && saves > fault_save) {
      errno = EIO;
      return -1;
    }
  }
  return FAILS(0) ? -1 : NEXT(lstat)(path, status);
}

int stat(const char *path, struct stat *status) {
  return !is_of_proc(path) && FAILS(0) ? -1 : NEXT(stat)(path, status);
}

int fstat(int file, struct stat *status) {
  if (!FAILS(0)) return NEXT(fstat)(file, status);
  if (fault != UNLINKED) return -1;
  NEXT(unlinkat)(folder, new_file, 0);
  return NEXT(fstat)(file, status);
}

char *realpath(const char *path, char *result) { return FAILS(0) ? NULL : NEXT(realpath)(path, result); }
int flock(int file, int operation) { return FAILS(1) ? -1 : NEXT(flock)(file, operation); }

int unlinkat(int at, const char *path, int flags) {
  const char *name = flags & AT_REMOVEDIR ? "unlinkat as a folder"
                     : strcmp(path, new_file) ? "unlinkat"
                                              : "unlinkat of the new file";
  return fails(name, 0) ? -1 : NEXT(unlinkat)(at, path, flags);
}

DIR *opendir(const char *path) { return FAILS(1) ? NULL : NEXT(opendir)(path); }
struct dirent *readdir(DIR *folder) { return FAILS(0) ? NULL : NEXT(readdir)(folder); }
int closedir(DIR *folder) { return FAILS(1) ? -1 : NEXT(closedir)(folder); }

int fsync(int file) {
  return fails(file == folder ? "fsync of the folder" : "fsync", 1) ? -1 : NEXT(fsync)(file);
}

int renameat(int from, const char *old, int to, const char *new) {
  return FAILS(0) ? -1 : NEXT(renameat)(from, old, to, new);
}
