// The loops; whoever includes this defines LANES (scalars of a vector), FUSED (whether a multiply-add is one
// instruction) and LOOPS (the name of the table).

typedef float vector __attribute__((vector_size(4 * LANES)));
typedef int bits __attribute__((vector_size(4 * LANES)));

// Latency times throughput is at most 10 (5 cycles, 2 a cycle); with the two factors these fit in 16 registers.
enum { CHAINS = 12, BLOCK = 8 };

static float sum_lanes(vector x) {
  float sum = 0;
  for (int lane = 0; lane < LANES; lane++) sum += x[lane];
  return sum;
}

static float multiply_add(ptrdiff_t rounds) {
  // Volatile, so that nothing is computed beforehand; small, so that no sum overflows.
  volatile float factor = 0x1p-10f;
  vector a, b, sums[CHAINS];
  for (int lane = 0; lane < LANES; lane++) {
    a[lane] = factor;
    b[lane] = factor;
  }
  for (int chain = 0; chain < CHAINS; chain++) sums[chain] = a;
  for (ptrdiff_t round = 0; round < rounds; round++) {
#pragma clang loop unroll(full)
    for (int chain = 0; chain < CHAINS; chain++) {
#if FUSED
      sums[chain] = __builtin_elementwise_fma(a, b, sums[chain]);
#else
      // Not a product of constants, which would be computed once.
      sums[chain] = sums[chain] * a + b;
#endif
    }
  }
  for (int chain = 1; chain < CHAINS; chain++) sums[0] += sums[chain];
  return sum_lanes(sums[0]);
}

// Bits, because `or` has more ports than an addition and no latency to hide.
static float read(const float *x, ptrdiff_t n, ptrdiff_t passes) {
  bits seen[BLOCK] = {0};
  for (ptrdiff_t pass = 0; pass < passes; pass++) {
    for (ptrdiff_t i = 0; i < n; i += BLOCK * LANES) {
#pragma clang loop unroll(full)
      for (int j = 0; j < BLOCK; j++) seen[j] |= *(const bits *)(x + i + j * LANES);
    }
    // Another pass, not the same one.
    __asm__ volatile("" ::: "memory");
  }
  for (int j = 1; j < BLOCK; j++) seen[0] |= seen[j];
  return sum_lanes((vector)seen[0]);
}

static float update(float *x, ptrdiff_t n, ptrdiff_t passes) {
  for (ptrdiff_t pass = 0; pass < passes; pass++) {
    for (ptrdiff_t i = 0; i < n; i += BLOCK * LANES) {
#pragma clang loop unroll(full)
      for (int j = 0; j < BLOCK; j++) *(bits *)(x + i + j * LANES) ^= 1;
    }
    __asm__ volatile("" ::: "memory");
  }
  return x[0];
}

const machine_loops LOOPS = {
    .multiply_add = multiply_add,
    .operations = 2 * CHAINS * LANES,
    .read = read,
    .update = update,
    .block = BLOCK * LANES,
};
