// Adam: one pass over parameters, both moments and gradients.

/// One vector, with the scaled gradient g.
VLM_INLINE void adam_vector(float *p, float *m, float *v, vf g, ptrdiff_t part, const vlm_adam_settings s) {
  const float rate = s.learning_rate * s.correction1, decay = s.learning_rate * s.weight_decay;
  vf mt = s.beta1 * get(m, part) + (1 - s.beta1) * g;
  vf vt = s.beta2 * get(v, part) + (1 - s.beta2) * (g * g);
  vf pt = get(p, part);
  put(m, mt, part);
  put(v, vt, part);
  vf step = rate * mt / (__builtin_elementwise_sqrt(s.correction2 * vt) + s.epsilon);
  put(p, pt - (step + decay * pt), part);
}

static void adam_step(float *restrict p, float *restrict m, float *restrict v, const float *restrict gradient,
                      ptrdiff_t n, const vlm_adam_settings *settings) {
  // A copy: stores to p, m and v could change what the pointer points to, so would force it to be read again.
  const vlm_adam_settings s = *settings;
  // The moments of a parameter whose gradient is 0 decay to subnormal numbers and would stay there.
  const vlm_float_mode mode = flush_subnormals();
  VLM_FOR_VECTORS(i, part, n, {
    adam_vector(p + i, m + i, v + i, s.gradient_scale * get(gradient + i, part), part, s);
  });
  set_float_mode(mode);
}

static void adam_step_outer(float *restrict p, float *restrict m, float *restrict v, const float *restrict d,
                            const float *restrict x, ptrdiff_t rows, ptrdiff_t k, const vlm_adam_settings *settings) {
  const vlm_adam_settings s = *settings;
  const vlm_float_mode mode = flush_subnormals();
  for (ptrdiff_t i = 0; i < rows; i++, p += k, m += k, v += k) {
    const float di = s.gradient_scale * d[i];
    VLM_FOR_VECTORS(j, part, k, adam_vector(p + j, m + j, v + j, di * get(x + j, part), part, s););
  }
  set_float_mode(mode);
}
