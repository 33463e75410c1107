// The tables that the translation units define, one for each instruction set.
#ifndef VLM_TABLES_H
#define VLM_TABLES_H

#include "CVLMKernels.h"

extern const vlm_kernels vlm_kernels_baseline;
#if defined(__x86_64__)
extern const vlm_kernels vlm_kernels_avx2;
extern const vlm_kernels vlm_kernels_avx512;
#endif

#endif
