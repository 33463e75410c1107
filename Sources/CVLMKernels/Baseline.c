// The operations for what every processor of the architecture has: SSE2 on x86-64, NEON on arm64.
#include "CVLMKernels.h"

#include <math.h>

#define VLM_LANES 4
#define VLM_TABLE vlm_kernels_baseline
#include "Compiler.h"
#include "Subnormals.h"
#include "Tables.h"

typedef float part_vector __attribute__((vector_size(16)));

static inline part_vector load_part(const float *p, ptrdiff_t count) {
  part_vector v = {0};
  for (int i = 0; i < VLM_LANES; i++) {
    if (i < count) v[i] = p[i];
  }
  return v;
}

static inline void store_part(float *p, part_vector v, ptrdiff_t count) {
  for (int i = 0; i < VLM_LANES; i++) {
    if (i < count) p[i] = v[i];
  }
}

#include "Operations.h"
