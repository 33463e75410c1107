#include "Tables.h"

#if defined(__x86_64__)
#define LANES 16
#define FUSED 1
#define LOOPS machine_loops_avx512

#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma"))), \
                             apply_to = function)
#include "Loops.h"
#pragma clang attribute pop
#endif
