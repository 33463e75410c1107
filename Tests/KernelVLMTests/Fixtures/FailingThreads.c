// For LD_PRELOAD: no more than MOST_THREADS threads, besides the first, exist at a time.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

static atomic_int threads;

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument) {
  int (*next)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) = dlsym(RTLD_NEXT, "pthread_create");
  if (atomic_fetch_add(&threads, 1) >= atoi(getenv("MOST_THREADS"))) {
    atomic_fetch_sub(&threads, 1);
    return EAGAIN;
  }
  return next(thread, attributes, start, argument);
}

int pthread_join(pthread_t thread, void **result) {
  int (*next)(pthread_t, void **) = dlsym(RTLD_NEXT, "pthread_join");
  int error = next(thread, result);
  if (error == 0) atomic_fetch_sub(&threads, 1);
  return error;
}
