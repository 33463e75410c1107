#include "CMachine.h"

extern const machine_loops machine_loops_baseline, machine_loops_avx2, machine_loops_avx512;
