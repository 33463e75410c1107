// The machine's own limits: loops that do nothing but multiply-adds, reads or updates, for each instruction set.
#ifndef CMACHINE_H
#define CMACHINE_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/// The loops of one instruction set. What they return is of no use but to keep the compiler from leaving them out.
typedef struct {
  /// `rounds` times `operations` operations: independent multiply-adds, enough of them to hide their latency.
  float (*_Nonnull multiply_add)(ptrdiff_t rounds);
  /// Additions and multiplications of a round.
  ptrdiff_t operations;
  /// Reads n scalars, `passes` times.  x (n), aligned to 64 bytes; n is a multiple of `block`.
  float (*_Nonnull read)(const float *_Nonnull x, ptrdiff_t n, ptrdiff_t passes);
  /// Reads and writes n scalars, `passes` times; an even number of passes leaves them as they were.
  float (*_Nonnull update)(float *_Nonnull x, ptrdiff_t n, ptrdiff_t passes);
  ptrdiff_t block;
} machine_loops;

/// For "baseline", "avx2" or "avx512", which the processor must have; NULL for another name or another architecture.
const machine_loops *_Nullable machine_loops_for(const char *_Nonnull instruction_set);

/// Bytes of a core's data cache of level 1 or 2, or 0 where the system does not say.
ptrdiff_t machine_cache_size(int level);

#ifdef __cplusplus
}
#endif
#endif
