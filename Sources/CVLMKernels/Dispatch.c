// Which instruction sets this processor has.
#include "Tables.h"

const vlm_kernels *vlm_kernels_for(vlm_isa isa) {
  switch (isa) {
  case VLM_ISA_BASELINE:
    return &vlm_kernels_baseline;
#if defined(__x86_64__)
  case VLM_ISA_AVX2:
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &vlm_kernels_avx2 : 0;
  case VLM_ISA_AVX512:
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                   __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
                   __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
               ? &vlm_kernels_avx512
               : 0;
#endif
  default:
    return 0;
  }
}
