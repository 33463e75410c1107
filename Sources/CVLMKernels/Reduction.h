// Reduction: sums over whole buffers.

typedef float half_vf __attribute__((vector_size(2 * VLM_LANES)));
typedef double vd __attribute__((vector_size(4 * VLM_LANES)));

VLM_INLINE vd half_at(const float *p) {
  half_vf h;
  __builtin_memcpy(&h, p, sizeof h);
  return __builtin_convertvector(h, vd);
}

static double squared_norm(const float *x, ptrdiff_t n) {
  // Eight sums: one would wait for its own last addition.
  enum { SUMS = 8, STEP = SUMS * VLM_LANES / 2 };
  vd s[SUMS] = {0};
  ptrdiff_t i = 0;
  for (; i + STEP <= n; i += STEP) {
    for (int j = 0; j < SUMS; j++) {
      vd h = half_at(x + i + j * (L / 2));
      s[j] += h * h;
    }
  }
  double total = 0;
  for (; i < n; i++) total += (double)x[i] * (double)x[i];
  vd whole = ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
  for (int l = 0; l < L / 2; l++) total += whole[l];
  return total;
}

static void add(float *y, const float *x, ptrdiff_t n) { add_row(y, x, n); }
