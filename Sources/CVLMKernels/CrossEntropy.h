// CrossEntropy: loss = -log softmax(logits)[target].

static void cross_entropy_forward(float *loss, float *probs, const float *logits, const int32_t *targets, ptrdiff_t n,
                                  ptrdiff_t V, int published) {
  for (ptrdiff_t i = 0; i < n; i++) {
    float max, *p = probs + i * V;
    float z = softmax(p, logits + i * V, V, &max);
    loss[i] = published ? -logf(p[targets[i]] + 1e-10f) : logf(z) - (logits[i * V + targets[i]] - max);
  }
}

/// d loss / d logits = probs - onehot.
static void cross_entropy_backward(float *dlogits, const float *probs, const int32_t *targets, const float *weights,
                                   ptrdiff_t n, ptrdiff_t V) {
  for (ptrdiff_t i = 0; i < n; i++) {
    // Before the row is written: dlogits may be probs.
    float target = weights[i] * (probs[i * V + targets[i]] - 1);
    VLM_FOR_VECTORS(t, part, V, put(dlogits + i * V + t, weights[i] * get(probs + i * V + t, part), part););
    dlogits[i * V + targets[i]] = target;
  }
}
