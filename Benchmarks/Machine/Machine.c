#include <string.h>
#include <unistd.h>

#include "Tables.h"

const machine_loops *machine_loops_for(const char *instruction_set) {
  if (strcmp(instruction_set, "baseline") == 0) return &machine_loops_baseline;
#if defined(__x86_64__)
  if (strcmp(instruction_set, "avx2") == 0) return &machine_loops_avx2;
  if (strcmp(instruction_set, "avx512") == 0) return &machine_loops_avx512;
#endif
  return NULL;
}

ptrdiff_t machine_cache_size(int level) {
#if defined(_SC_LEVEL1_DCACHE_SIZE)
  long size = sysconf(level == 1 ? _SC_LEVEL1_DCACHE_SIZE : _SC_LEVEL2_CACHE_SIZE);
  return size > 0 ? size : 0;
#else
  (void)level;
  return 0;
#endif
}
