#include "Tables.h"

#define LANES 4
#if defined(__aarch64__)
#define FUSED 1
#else
#define FUSED 0
#endif
#define LOOPS machine_loops_baseline
#include "Loops.h"
