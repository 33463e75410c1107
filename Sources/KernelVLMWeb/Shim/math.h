// What the kernels use of the C library's <math.h>.
#pragma once
#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")
float logf(float);
float expf(float);
double cos(double);
double exp(double);
double log(double);
double pow(double, double);
static inline float sqrtf(float x) { return __builtin_sqrtf(x); }
#define isfinite(x) __builtin_isfinite(x)
