// Memory for the kernels' operands.
#include "CVLMKernels.h"

#include <stdlib.h>

static _Atomic(vlm_out_of_memory) handler;

void vlm_on_out_of_memory(vlm_out_of_memory new_handler) { handler = new_handler; }

void *vlm_allocate(size_t bytes) {
  enum { LINE = 64 };
  void *memory = bytes <= SIZE_MAX - LINE ? aligned_alloc(LINE, (bytes + LINE - 1) / LINE * LINE) : NULL;
  if (memory) return memory;
  vlm_out_of_memory report = handler;
  if (report) report(bytes);
  abort();
}

void vlm_free(void *memory) { free(memory); }
