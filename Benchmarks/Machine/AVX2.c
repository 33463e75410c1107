#include "Tables.h"

#if defined(__x86_64__)
#define LANES 8
#define FUSED 1
#define LOOPS machine_loops_avx2

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#include "Loops.h"
#pragma clang attribute pop
#endif
