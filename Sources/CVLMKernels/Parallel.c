// Threads. The body of a parallel region is compiled for the baseline whatever surrounds it, so nothing here computes:
// regions call the functions of a table.
#include "CVLMKernels.h"

#ifdef _OPENMP
#include <pthread.h>
#include <sys/resource.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

// Declared here, because the compiler does not come with omp.h.
extern int omp_in_parallel(void);
extern int omp_get_thread_num(void);
extern int omp_get_num_threads(void);
extern int omp_get_num_procs(void);
// Clang's own: missing where another OpenMP is linked.
extern size_t kmp_get_stacksize_s(void) __attribute__((weak));
extern void kmp_set_stacksize_s(size_t size) __attribute__((weak));
extern int kmp_get_blocktime(void) __attribute__((weak));
extern void kmp_set_blocktime(int milliseconds) __attribute__((weak));
static int may_share(void) { return !omp_in_parallel(); }
int vlm_has_openmp(void) { return 1; }
#else
static int may_share(void) { return 0; }
int vlm_has_openmp(void) { return 0; }
#endif

static int smaller(int64_t a, int b) { return a < b ? (int)a : b; }

/// By itself: a function with a region greets OpenMP when it is entered, which starts it, whatever it then does.
__attribute__((noinline)) static void share(ptrdiff_t count, int threads,
                                            void (*body)(void *context, ptrdiff_t i, int thread), void *context) {
  // One round for each thread that was asked for, so that what it gets does not depend on how many the system gives.
#ifdef _OPENMP
#pragma omp parallel for schedule(static) num_threads(threads)
#endif
  for (int thread = 0; thread < threads; thread++) {
    for (ptrdiff_t i = thread; i < count; i += threads) body(context, i, thread);
  }
}

void vlm_parallel(ptrdiff_t count, int threads, void (*body)(void *context, ptrdiff_t i, int thread), void *context) {
  threads = smaller(count, threads);
  if (threads > 1 && may_share()) {
    share(count, threads, body, context);
  } else {
    for (ptrdiff_t i = 0; i < count; i++) body(context, i, 0);
  }
}

#ifdef _OPENMP
/// Each thread's own arena of malloc would reserve 64 MB of addresses: where they are limited, all share one.
static void spare_addresses(void) {
#ifdef __GLIBC__
  struct rlimit limit;
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) mallopt(M_ARENA_MAX, 1);
#endif
}

// The kernels and the model's graph take some 30 KB of a thread's stack.
enum { LEAST_STACK = 1 << 20, MOST_THREADS = 1024 };

/// What OpenMP gives a thread for its stack, at least LEAST_STACK; 0 if it does not tell.
static size_t stack_size(void) {
  if (!kmp_get_stacksize_s || !kmp_set_stacksize_s) return 0;
  if (kmp_get_stacksize_s() < LEAST_STACK) kmp_set_stacksize_s(LEAST_STACK);
  return kmp_get_stacksize_s();
}

static void *pass(void *gate) {
  pthread_mutex_lock(gate);
  pthread_mutex_unlock(gate);
  return 0;
}

/// How many of `wanted` threads with such a stack the system gives, all at the same time.
static int threads_to_be_had(int wanted, size_t stack) {
  pthread_t made[MOST_THREADS];
  pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
  pthread_attr_t attributes;
  int count = 0;
  pthread_attr_init(&attributes);
  if (stack > 0 && pthread_attr_setstacksize(&attributes, stack) != 0) wanted = 0;
  pthread_mutex_lock(&gate);
  while (count < wanted && pthread_create(&made[count], &attributes, pass, &gate) == 0) count++;
  pthread_mutex_unlock(&gate);
  for (int i = 0; i < count; i++) pthread_join(made[i], 0);
  pthread_attr_destroy(&attributes);
  return count;
}

static void do_nothing(void *context, ptrdiff_t i, int thread) {
  (void)context, (void)i, (void)thread;
}

/// A region in which nothing is done. After it the threads sleep at once, where they would wait for the next one at work,
/// for 200 ms: the program may go on alone. With more threads than cores, they do that by themselves.
static void start(int threads) {
  const int sleep = kmp_get_blocktime && kmp_set_blocktime && threads <= omp_get_num_procs();
  const int wait = sleep ? kmp_get_blocktime() : 0;
  if (sleep) kmp_set_blocktime(0);
  share(threads, threads, do_nothing, 0);
  if (sleep) kmp_set_blocktime(wait);
}

int vlm_start_threads(int threads) {
  threads = smaller(threads, MOST_THREADS);
  if (threads <= 1 || !may_share()) return 1;
  spare_addresses();
  const int others = threads_to_be_had(threads - 1, stack_size());
  // If they are too few, half of them: what else the program does needs memory too.
  if (others < threads - 1) threads = 1 + others / 2;
  if (threads > 1) start(threads);
  return threads;
}
#else
int vlm_start_threads(int threads) {
  (void)threads;
  return 1;
}
#endif

// The rows of a matmul's output are shared in chunks, of which the last takes what is left, so that no chunk is small: a
// kernel adds in another order only for the fewest rows, and so all bits are those of one call.
enum { CHUNK = 48 };

/// Threads that pay for n k m multiply-adds. A region costs about a microsecond, in which one core does some 40,000 of
/// them: each thread should have several times that.
static int threads_for(int64_t n, int64_t k, int64_t m, int threads) {
  return smaller(n * k * m / (1 << 18) + 1, threads);
}

typedef struct {
  const vlm_kernels *kernels;
  float *output;
  const float *left, *right;
  ptrdiff_t n, k, m;
  int accumulate;
} shared_product;

static ptrdiff_t chunks(ptrdiff_t rows) { return rows < CHUNK ? 1 : rows / CHUNK; }

static ptrdiff_t chunk_rows(ptrdiff_t rows, ptrdiff_t i) { return i + 1 < chunks(rows) ? CHUNK : rows - i * CHUNK; }

static void forward_chunk(void *context, ptrdiff_t i, int thread) {
  (void)thread;
  const shared_product *s = context;
  s->kernels->matmul_forward(s->output + i * CHUNK * s->m, s->left + i * CHUNK * s->k, s->right,
                             chunk_rows(s->n, i), s->k, s->m, s->accumulate);
}

static void backward_input_chunk(void *context, ptrdiff_t i, int thread) {
  (void)thread;
  const shared_product *s = context;
  s->kernels->matmul_backward_input(s->output + i * CHUNK * s->k, s->left + i * CHUNK * s->m, s->right,
                                    chunk_rows(s->n, i), s->k, s->m, s->accumulate);
}

static void backward_weight_chunk(void *context, ptrdiff_t i, int thread) {
  (void)thread;
  const shared_product *s = context;
  s->kernels->matmul_backward_weight_rows(s->output + i * CHUNK * s->k, s->left + i * CHUNK, s->m, s->right, s->n, s->k,
                                          chunk_rows(s->m, i), s->accumulate);
}

void vlm_matmul_forward(const vlm_kernels *kernels, int threads, float *y, const float *x, const float *w, ptrdiff_t n,
                        ptrdiff_t k, ptrdiff_t m, int accumulate) {
  shared_product s = {kernels, y, x, w, n, k, m, accumulate};
  vlm_parallel(chunks(n), threads_for(n, k, m, threads), forward_chunk, &s);
}

void vlm_matmul_backward_input(const vlm_kernels *kernels, int threads, float *dx, const float *dy, const float *w,
                               ptrdiff_t n, ptrdiff_t k, ptrdiff_t m, int accumulate) {
  shared_product s = {kernels, dx, dy, w, n, k, m, accumulate};
  vlm_parallel(chunks(n), threads_for(n, k, m, threads), backward_input_chunk, &s);
}

void vlm_matmul_backward_weight(const vlm_kernels *kernels, int threads, float *dw, const float *dy, const float *x,
                                ptrdiff_t n, ptrdiff_t k, ptrdiff_t m, int accumulate) {
  shared_product s = {kernels, dw, dy, x, n, k, m, accumulate};
  vlm_parallel(chunks(m), threads_for(n, k, m, threads), backward_weight_chunk, &s);
}
