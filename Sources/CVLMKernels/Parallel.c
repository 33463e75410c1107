#include "CVLMKernels.h"
extern int omp_get_max_threads(void);
int vlm_thread_limit(void) { 
int n = 0;
#pragma omp parallel for schedule(static) reduction(+:n)
for (int i = 0; i < 100; i++) n += 1;
return omp_get_max_threads(); }
