// What the kernels use of the C library's <stdlib.h>.
#pragma once
#include <stddef.h>
#include <stdint.h>
void *aligned_alloc(size_t alignment, size_t size);
void free(void *);
_Noreturn void abort(void);
