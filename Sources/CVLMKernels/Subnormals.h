// Subnormal numbers, below 2^-126: arithmetic with them takes several times as long, up to a hundred cycles a vector.
#ifndef VLM_SUBNORMALS_H
#define VLM_SUBNORMALS_H

#if defined(__x86_64__)
#include <xmmintrin.h>

typedef unsigned vlm_float_mode;
enum { VLM_FLUSH = 0x8040 };  // results (FTZ) and operands (DAZ)
static inline vlm_float_mode float_mode(void) { return _mm_getcsr(); }
static inline void set_float_mode(vlm_float_mode mode) { _mm_setcsr(mode); }

#elif defined(__aarch64__)

typedef unsigned long vlm_float_mode;
enum { VLM_FLUSH = 1 << 24 };  // FPCR.FZ: results and operands
static inline vlm_float_mode float_mode(void) { return __builtin_arm_rsr64("fpcr"); }
static inline void set_float_mode(vlm_float_mode mode) { __builtin_arm_wsr64("fpcr", mode); }

#else

typedef unsigned vlm_float_mode;
enum { VLM_FLUSH = 0 };
static inline vlm_float_mode float_mode(void) { return 0; }
static inline void set_float_mode(vlm_float_mode mode) { (void)mode; }

#endif

/// Subnormal numbers count as 0, on this thread, until `set_float_mode` gets what this returns.
static inline vlm_float_mode flush_subnormals(void) {
  vlm_float_mode mode = float_mode();
  set_float_mode(mode | VLM_FLUSH);
  return mode;
}

#endif
