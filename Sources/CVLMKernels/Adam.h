// Adam: one pass over parameters, both moments and gradients.

static void adam_step(float *restrict p, float *restrict m, float *restrict v, const float *restrict gradient,
                      ptrdiff_t n, const vlm_adam_settings *settings) {
  // A copy: stores to p, m and v could change what the pointer points to, so would force it to be read again.
  const vlm_adam_settings s = *settings;
  // The moments of a parameter whose gradient is 0 decay to subnormal numbers and would stay there.
  const vlm_float_mode mode = flush_subnormals();
  const float rate = s.learning_rate * s.correction1, decay = s.learning_rate * s.weight_decay;
  VLM_FOR_VECTORS(i, part, n, {
    vf g = s.gradient_scale * get(gradient + i, part);
    vf mt = s.beta1 * get(m + i, part) + (1 - s.beta1) * g;
    vf vt = s.beta2 * get(v + i, part) + (1 - s.beta2) * (g * g);
    vf pt = get(p + i, part);
    put(m + i, mt, part);
    put(v + i, vt, part);
    vf step = rate * mt / (__builtin_elementwise_sqrt(s.correction2 * vt) + s.epsilon);
    put(p + i, pt - (step + decay * pt), part);
  });
  set_float_mode(mode);
}
