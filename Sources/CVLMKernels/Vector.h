// Vectors of VLM_LANES floats in the vector extension of Clang and GCC: the same source for every instruction set. A
// translation unit defines VLM_LANES, load_part and store_part before it includes the operations.
//
// All loads and stores are unaligned, and no loop peels to an alignment: the order of a sum, so its bits, depends on
// sizes alone. Products are fused with the sums they are added to where the instruction set has FMA (Clang's default
// within one expression, and GCC's across them).
#ifndef VLM_VECTOR_H
#define VLM_VECTOR_H

/// Operations are small and meet constants at the call: rows and vectors of a tile must be known to stay in registers.
#define VLM_INLINE static inline __attribute__((always_inline))

typedef float vf __attribute__((vector_size(4 * VLM_LANES)));
typedef int32_t vi __attribute__((vector_size(4 * VLM_LANES)));
typedef float v4 __attribute__((vector_size(16)));

enum { L = VLM_LANES };

VLM_INLINE ptrdiff_t least(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

VLM_INLINE vf load(const float *p) {
  vf v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

VLM_INLINE void store(float *p, vf v) { __builtin_memcpy(p, &v, sizeof v); }

VLM_INLINE v4 load4(const float *p) {
  v4 v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

/// a in every lane. a - 0 is a, which the compiler knows, where a + 0 turns -0 into 0.
VLM_INLINE vf splat(float a) { return a - (vf){0}; }

#if defined(__clang__)
VLM_INLINE float square_root(float x) { return __builtin_elementwise_sqrt(x); }
VLM_INLINE vf square_roots(vf x) { return __builtin_elementwise_sqrt(x); }
#else
// One instruction with -fno-math-errno: by itself GCC leaves room for a function that sets errno.
VLM_INLINE float square_root(float x) { return __builtin_sqrtf(x); }
VLM_INLINE vf square_roots(vf x) {
  for (int l = 0; l < L; l++) x[l] = __builtin_sqrtf(x[l]);
  return x;
}
#endif

/// Lane by lane; a comparison, since a maximum would be a function's call where there is no instruction for it.
VLM_INLINE v4 larger(v4 a, v4 b) {
  for (int l = 0; l < 4; l++) a[l] = a[l] > b[l] ? a[l] : b[l];
  return a;
}

VLM_INLINE vf choose(vi condition, vf yes, vf no) { return (vf)((condition & (vi)yes) | (~condition & (vi)no)); }

/// 0, 1, 2, ...
VLM_INLINE vi lane_numbers(void) {
  vi lane;
  for (int l = 0; l < L; l++) lane[l] = l;
  return lane;
}

/// The first `part` lanes of v, and `other` in those beyond.
VLM_INLINE vf only(vf v, ptrdiff_t part, float other) {
  return choose(lane_numbers() < (int32_t)part, v, splat(other));
}

/// Σ of the lanes, by halves.
VLM_INLINE float sum4(v4 v) {
  v += __builtin_shufflevector(v, v, 2, 3, 2, 3);
  return v[0] + v[1];
}

#if VLM_LANES == 4

VLM_INLINE vf quads(const float *const *rows, ptrdiff_t at) { return load4(rows[0] + at); }
VLM_INLINE v4 fold(vf v) { return v; }
#define VLM_EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6)
#define VLM_ODD(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7)
#define VLM_LOW(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define VLM_HIGH(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#define VLM_LOW_PAIRS(a, b) __builtin_shufflevector(a, b, 0, 1, 4, 5)
#define VLM_HIGH_PAIRS(a, b) __builtin_shufflevector(a, b, 2, 3, 6, 7)

#elif VLM_LANES == 8

VLM_INLINE vf quads(const float *const *rows, ptrdiff_t at) {
  return __builtin_shufflevector(load4(rows[0] + at), load4(rows[4] + at), 0, 1, 2, 3, 4, 5, 6, 7);
}
VLM_INLINE v4 fold(vf v) {
  return __builtin_shufflevector(v, v, 0, 1, 2, 3) + __builtin_shufflevector(v, v, 4, 5, 6, 7);
}
#define VLM_EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14)
#define VLM_ODD(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15)
#define VLM_LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define VLM_HIGH(a, b) __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15)
#define VLM_LOW_PAIRS(a, b) __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13)
#define VLM_HIGH_PAIRS(a, b) __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15)

#else

typedef float v8 __attribute__((vector_size(32)));
VLM_INLINE vf quads(const float *const *rows, ptrdiff_t at) {
  v8 low = __builtin_shufflevector(load4(rows[0] + at), load4(rows[4] + at), 0, 1, 2, 3, 4, 5, 6, 7);
  v8 high = __builtin_shufflevector(load4(rows[8] + at), load4(rows[12] + at), 0, 1, 2, 3, 4, 5, 6, 7);
  return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}
VLM_INLINE v4 fold(vf v) {
  v8 half = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) +
            __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
  return __builtin_shufflevector(half, half, 0, 1, 2, 3) + __builtin_shufflevector(half, half, 4, 5, 6, 7);
}
#define VLM_EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#define VLM_ODD(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)
#define VLM_LOW(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
#define VLM_HIGH(a, b) __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
#define VLM_LOW_PAIRS(a, b) __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#define VLM_HIGH_PAIRS(a, b) __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)

#endif

VLM_INLINE float sum(vf v) { return sum4(fold(v)); }

/// The largest lane; a NaN may be lost.
VLM_INLINE float largest_lane(vf v) {
  v4 quarter[L / 4];
  __builtin_memcpy(quarter, &v, sizeof v);
  for (int q = 1; q < L / 4; q++) quarter[0] = larger(quarter[0], quarter[q]);
  v4 two = larger(quarter[0], __builtin_shufflevector(quarter[0], quarter[0], 2, 3, 2, 3));
  return two[0] > two[1] ? two[0] : two[1];
}

/// [Σ a, Σ b, Σ c, Σ d]: the last step of four dot products at once, where four single sums would cost twice as much.
VLM_INLINE v4 sums(vf a, vf b, vf c, vf d) {
  vf ab = VLM_LOW(a, b) + VLM_HIGH(a, b);
  vf cd = VLM_LOW(c, d) + VLM_HIGH(c, d);
  return fold(VLM_LOW_PAIRS(ab, cd) + VLM_HIGH_PAIRS(ab, cd));
}

/// Four columns, from `at`, of the L rows that `rows` points to: columns[c] holds component at + c of every row.
VLM_INLINE void transpose(vf columns[4], const float *const rows[L], ptrdiff_t at) {
  vf a = quads(rows, at), b = quads(rows + 1, at), c = quads(rows + 2, at), d = quads(rows + 3, at);
  vf ab = VLM_LOW(a, b), cd = VLM_LOW(c, d);
  columns[0] = VLM_LOW_PAIRS(ab, cd);
  columns[1] = VLM_HIGH_PAIRS(ab, cd);
  ab = VLM_HIGH(a, b), cd = VLM_HIGH(c, d);
  columns[2] = VLM_LOW_PAIRS(ab, cd);
  columns[3] = VLM_HIGH_PAIRS(ab, cd);
}

/// a · b.
VLM_INLINE float dot(const float *a, const float *b, ptrdiff_t n) {
  // Four sums: one would wait for its own last addition.
  vf s[4] = {0};
  ptrdiff_t i = 0;
  for (; i + 4 * L <= n; i += 4 * L) {
    for (int j = 0; j < 4; j++) s[j] += load(a + i + j * L) * load(b + i + j * L);
  }
  for (; i + L <= n; i += L) s[0] += load(a + i) * load(b + i);
  if (i < n) s[1] += load_part(a + i, n - i) * load_part(b + i, n - i);
  return sum((s[0] + s[1]) + (s[2] + s[3]));
}

/// For i in 0 ..< n in steps of L: `body` sees `part`, the number of live lanes, a constant L in all but the last round.
#define VLM_FOR_VECTORS(i, part, n, ...)         \
  do {                                           \
    ptrdiff_t i = 0;                             \
    for (; i + L <= (n); i += L) {               \
      enum { part = L };                         \
      __VA_ARGS__                                \
    }                                            \
    if (i < (n)) {                               \
      const ptrdiff_t part = (n) - i;            \
      __VA_ARGS__                                \
    }                                            \
  } while (0)

/// Loads and stores of the first `part` lanes; with a constant L they are whole ones.
VLM_INLINE vf get(const float *p, ptrdiff_t part) {
  if (part == L) return load(p);
  return load_part(p, part);
}

VLM_INLINE void put(float *p, vf v, ptrdiff_t part) {
  if (part == L) store(p, v);
  else store_part(p, v, part);
}

#endif

/// y += x.
VLM_INLINE void add_row(float *y, const float *x, ptrdiff_t n) {
  VLM_FOR_VECTORS(c, part, n, put(y + c, get(y + c, part) + get(x + c, part), part););
}

VLM_INLINE void zero(float *y, ptrdiff_t n) {
  VLM_FOR_VECTORS(c, part, n, put(y + c, (vf){0}, part););
}
