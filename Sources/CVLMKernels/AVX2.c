// The operations for AVX2 with FMA.
#include "CVLMKernels.h"

#include "Compiler.h"
#include "Subnormals.h"
#include "Tables.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>

#define VLM_LANES 8
#define VLM_TABLE vlm_kernels_avx2

VLM_TARGET_BEGIN("avx2,fma")

static inline __attribute__((always_inline)) __m256 load_part(const float *p, ptrdiff_t count) {
  static const int32_t masks[15] = {-1, -1, -1, -1, -1, -1, -1};
  return _mm256_maskload_ps(p, _mm256_loadu_si256((const __m256i *)(masks + 7 - count)));
}

// In halves: a masked store is microcoded on AMD's processors up to Zen 4.
static inline __attribute__((always_inline)) void store_part(float *p, __m256 v, ptrdiff_t count) {
  __m128 rest = _mm256_castps256_ps128(v);
  if (count & 4) {
    _mm_storeu_ps(p, rest);
    rest = _mm256_extractf128_ps(v, 1);
    p += 4;
  }
  if (count & 2) {
    _mm_storel_pi((__m64 *)p, rest);
    rest = _mm_movehl_ps(rest, rest);
    p += 2;
  }
  if (count & 1) _mm_store_ss(p, rest);
}

#include "Operations.h"

VLM_TARGET_END
#endif
