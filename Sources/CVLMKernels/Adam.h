// Adam: one pass over parameters, both moments and gradients.

static void adam_step(float *p, float *m, float *v, const float *gradient, ptrdiff_t n, const vlm_adam_settings *s) {
  VLM_FOR_VECTORS(i, part, n, {
    vf g = s->gradient_scale * get(gradient + i, part);
    vf mt = s->beta1 * get(m + i, part) + (1 - s->beta1) * g;
    vf vt = s->beta2 * get(v + i, part) + (1 - s->beta2) * (g * g);
    vf pt = get(p + i, part);
    vf step = s->correction1 * mt / (__builtin_elementwise_sqrt(s->correction2 * vt) + s->epsilon);
    put(m + i, mt, part);
    put(v + i, vt, part);
    put(p + i, pt - s->learning_rate * (step + s->weight_decay * pt), part);
  });
}
