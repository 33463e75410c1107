// The operations for AVX-512.
#include "CVLMKernels.h"

#include "Compiler.h"
#include "Subnormals.h"
#include "Tables.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>

#define VLM_LANES 16
#define VLM_TABLE vlm_kernels_avx512

// By its features: an architecture's name would make the compiler prefer vectors of 256 bits.
VLM_TARGET_BEGIN("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")

static inline __attribute__((always_inline)) __m512 load_part(const float *p, ptrdiff_t count) {
  return _mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), p);
}

static inline __attribute__((always_inline)) void store_part(float *p, __m512 v, ptrdiff_t count) {
  _mm512_mask_storeu_ps(p, (__mmask16)((1u << count) - 1), v);
}

#include "Operations.h"

VLM_TARGET_END
#endif
