#ifndef CVLM_KERNELS_H
#define CVLM_KERNELS_H
int vlm_thread_limit(void);
#endif
