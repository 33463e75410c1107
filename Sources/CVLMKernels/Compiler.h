// What Clang and GCC call by different names. The kernels are written in the vector extension that both have.
#ifndef VLM_COMPILER_H
#define VLM_COMPILER_H

#define VLM_PRAGMA(text) _Pragma(#text)

#if defined(__clang__)

/// Compiles the functions up to VLM_TARGET_END for the instruction set, without a flag that would do it to other files
/// too. Stands behind the system's headers, whose functions keep their own targets.
#define VLM_TARGET_BEGIN(features) \
  VLM_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define VLM_TARGET_END VLM_PRAGMA(clang attribute pop)

/// Before a loop: unroll it, `count` times or whole.
#define VLM_UNROLL(count) VLM_PRAGMA(unroll count)
#define VLM_UNROLL_WHOLE VLM_PRAGMA(unroll)

#else

#define VLM_TARGET_BEGIN(features) VLM_PRAGMA(GCC push_options) VLM_PRAGMA(GCC target(features))
#define VLM_TARGET_END VLM_PRAGMA(GCC pop_options)

#define VLM_UNROLL(count) VLM_PRAGMA(GCC unroll count)
#define VLM_UNROLL_WHOLE VLM_PRAGMA(GCC unroll 64)

// GCC warns that a vector wider than the instruction set's would be passed in another way by another set. None is passed:
// functions that take vectors are inlined.
#pragma GCC diagnostic ignored "-Wpsabi"
// It does not see that a row of logits is never empty, where softmax would leave the largest one unset.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

#endif
#endif
