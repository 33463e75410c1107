// Adam: one pass over parameters, both moments and gradients.
//
//     m ← β1 m + (1 - β1) s g,  v ← β2 v + (1 - β2) (s g)²,  p ← p - η c1 m / (√(c2 v) + ε) - η λ p
//
// Square roots and divisions share one unit of the processor, which a vector's occupy for longer than all else occupies
// the others. So two vectors share a division, and what all elements have alike is multiplied beforehand:
//
//     m0 / r0 = m0 (r1 · 1 / (r0 r1)),  m1 / r1 = m1 (r0 · 1 / (r0 r1))
//     η c1 m / (√(c2 v) + ε) = (η c1 / √c2) m / (√v + ε / √c2)
//     (1 - β2) (s g)² = (√(1 - β2) s g)²

/// m ← beta1 m + first g,  v ← beta2 v + (second g)²,  p ← p - rate m / (√v + epsilon) - decay p
typedef struct {
  float beta1, first, beta2, second, rate, epsilon, decay;
} adam_factors;

static adam_factors factors_of(const vlm_adam_settings *s) {
  const float root = __builtin_sqrtf(s->correction2);
  return (adam_factors){
      .beta1 = s->beta1,
      .first = (1 - s->beta1) * s->gradient_scale,
      .beta2 = s->beta2,
      .second = __builtin_sqrtf(1 - s->beta2) * s->gradient_scale,
      .rate = s->learning_rate * s->correction1 / root,
      .epsilon = s->epsilon / root,
      .decay = s->learning_rate * s->weight_decay,
  };
}

/// What is kept, where the processor cannot flush by itself: x, or its sign alone where the exponent is 0.
VLM_INLINE vf flushed(vf x) {
  return VLM_FLUSH ? x : (vf)((vi)x & ((((vi)x & 0x7f800000) != 0) | INT32_MIN));
}

/// Both moments of one vector follow the gradient g. Returns the first, and √v + ε in `root`.
VLM_INLINE vf adam_moments(float *m, float *v, vf g, vf *root, ptrdiff_t part, const adam_factors f) {
  const vf mt = flushed(f.beta1 * get(m, part) + f.first * g), scaled = f.second * g;
  const vf vt = flushed(f.beta2 * get(v, part) + scaled * scaled);
  put(m, mt, part);
  put(v, vt, part);
  *root = square_roots(vt) + f.epsilon;
  return mt;
}

VLM_INLINE void adam_move(float *p, vf step, ptrdiff_t part, const adam_factors f, int decays) {
  const vf pt = get(p, part);
  put(p, flushed(decays ? pt - (step + f.decay * pt) : pt - step), part);
}

/// n parameters; `decays` is a constant, whether decay is not 0.
VLM_INLINE void adam_vectors(float *p, float *m, float *v, const float *g, ptrdiff_t n, const adam_factors f,
                             const int decays) {
  ptrdiff_t i = 0;
  // Where v is 0, 1 / (r0 r1) must be finite.
  const ptrdiff_t pairs = isfinite(f.rate / (f.epsilon * f.epsilon)) ? n / (2 * L) : 0;
  for (; i < pairs * 2 * L; i += 2 * L) {
    vf r0, r1;
    const vf m0 = adam_moments(m + i, v + i, load(g + i), &r0, L, f);
    const vf m1 = adam_moments(m + i + L, v + i + L, load(g + i + L), &r1, L, f);
    const vf quotient = f.rate / (r0 * r1);
    adam_move(p + i, m0 * (quotient * r1), L, f, decays);
    adam_move(p + i + L, m1 * (quotient * r0), L, f, decays);
  }
  VLM_FOR_VECTORS(j, part, n - i, {
    vf root;
    const vf mt = adam_moments(m + i + j, v + i + j, get(g + i + j, part), &root, part, f);
    adam_move(p + i + j, f.rate * mt / root, part, f, decays);
  });
}

VLM_INLINE void adam(float *restrict p, float *restrict m, float *restrict v, const float *restrict g, ptrdiff_t n,
                     const adam_factors f) {
  if (f.decay == 0) adam_vectors(p, m, v, g, n, f, 0);
  else adam_vectors(p, m, v, g, n, f, 1);
}

static void adam_step(float *restrict p, float *restrict m, float *restrict v, const float *restrict gradient,
                      ptrdiff_t n, const vlm_adam_settings *settings) {
  // The moments of a parameter whose gradient is 0 decay to subnormal numbers and would stay there.
  const vlm_float_mode mode = flush_subnormals();
  adam(p, m, v, gradient, n, factors_of(settings));
  set_float_mode(mode);
}

/// The gradient is g_ic = d_i x_c. Rows follow one another without a gap, so where a row has room for a vector, the one at
/// its end goes on in the next: all are whole and stand side by side, which counts where rows are no multiple of a cache
/// line. Of row i the vector before has taken c components, and the next takes the last `shared`.
static void adam_step_outer(float *restrict p, float *restrict m, float *restrict v, const float *restrict d,
                            const float *restrict x, ptrdiff_t rows, ptrdiff_t k, const vlm_adam_settings *settings) {
  const adam_factors f = factors_of(settings);
  const vlm_float_mode mode = flush_subnormals();
  // The end of x and its beginning, as a vector over both sees them.
  float seam[2 * L];
  if (k >= L) {
    store(seam, load(x + k - L));
    store(seam + L, load(x));
  }
  ptrdiff_t c = 0;
  for (ptrdiff_t i = 0; i < rows; i++, p += k, m += k, v += k) {
    adam_factors row = f;
    row.first *= d[i];
    row.second *= d[i];
    const ptrdiff_t shared = k >= L && i + 1 < rows ? (k - c) % L : 0, own = k - c - shared;
    adam(p + c, m + c, v + c, x + c, own, row);
    c = 0;
    if (shared > 0) {
      const vf di = choose(lane_numbers() < (int32_t)shared, splat(d[i]), splat(d[i + 1]));
      float g[L];
      store(g, load(seam + L - shared) * di);
      adam(p + k - shared, m + k - shared, v + k - shared, g, L, f);
      c = L - shared;
    }
  }
  set_float_mode(mode);
}
