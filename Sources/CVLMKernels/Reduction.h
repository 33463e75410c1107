// Reduction: sums over whole buffers.

// Four doubles also for AVX-512: converting to eight takes more than twice as long.
enum { DOUBLES = L < 8 ? 2 : 4 };
typedef float few_floats __attribute__((vector_size(4 * DOUBLES)));
typedef double few_doubles __attribute__((vector_size(8 * DOUBLES)));

VLM_INLINE few_doubles widened(const float *p) {
  few_floats x;
  __builtin_memcpy(&x, p, sizeof x);
  return __builtin_convertvector(x, few_doubles);
}

static double squared_norm(const float *x, ptrdiff_t n) {
  // Eight sums: one would wait for its own last addition.
  enum { SUMS = 8, STEP = SUMS * DOUBLES };
  few_doubles s[SUMS] = {0};
  ptrdiff_t i = 0;
  for (; i + STEP <= n; i += STEP) {
    for (int j = 0; j < SUMS; j++) {
      few_doubles xj = widened(x + i + j * DOUBLES);
      s[j] += xj * xj;
    }
  }
  for (; i + DOUBLES <= n; i += DOUBLES) {
    few_doubles xi = widened(x + i);
    s[0] += xi * xi;
  }
  double total = 0;
  for (; i < n; i++) total += (double)x[i] * (double)x[i];
  few_doubles whole = ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
  for (int l = 0; l < DOUBLES; l++) total += whole[l];
  return total;
}

static void add(float *y, const float *x, ptrdiff_t n) { add_row(y, x, n); }
