// DotAttention: score_ij = (q_i . k_j) / sqrt(d).

static void dot_attention_forward(float *y, float *probs, const float *q, const float *prefix, const float *own,
                                  ptrdiff_t n, ptrdiff_t F, ptrdiff_t S, ptrdiff_t D, ptrdiff_t H) {
  const keys k = {prefix, own, n, F, S, D, H};
  ptrdiff_t T = F + S, d = D / H;
  float scale = 1 / __builtin_elementwise_sqrt((float)d);
  for (ptrdiff_t h = 0; h < H; h++) {
    float *score = probs + h * n * T;
    forward_product(score, T, q + h * d, D, key_rows(&k, h * d), n, d, T, 0);
    VLM_FOR_VECTORS(j, part, n * T, put(score + j, get(score + j, part) * scale, part););
    softmax_visible(score, &k);
    weighted_rows(y + h * d, D, score, T, &k, n, D + h * d, d);
  }
}

static void dot_attention_backward(float *dq, float *dprefix, float *down, const float *dy, const float *probs,
                                   const float *q, const float *prefix, const float *own, ptrdiff_t n, ptrdiff_t F,
                                   ptrdiff_t S, ptrdiff_t D, ptrdiff_t H, int accumulate) {
  const keys k = {prefix, own, n, F, S, D, H};
  ptrdiff_t T = F + S, d = D / H, ld = 2 * D;
  float scale = 1 / __builtin_elementwise_sqrt((float)d);
  zero(dq, n * D);
  if (!accumulate) {
    zero(dprefix, F * ld);
    zero(down, S * ld);
  }
  for (ptrdiff_t h = 0; h < H; h++) {
    for (ptrdiff_t i0 = 0; i0 < n; i0 += BLOCK_QUERIES) {
      ptrdiff_t rows = least(BLOCK_QUERIES, n - i0), c = h * d;
      const float *p = probs + (h * n + i0) * T, *dyi = dy + i0 * D, *qi = q + i0 * D;
      float ddot[BLOCK_QUERIES * BLOCK_KEYS], mean[BLOCK_QUERIES];
      mean_dprobs(mean, ddot, dyi, p, &k, rows, h);
      for (ptrdiff_t j0 = 0; j0 < T; j0 += BLOCK_KEYS) {
        ptrdiff_t count = least(BLOCK_KEYS, T - j0);
        if (T > BLOCK_KEYS) probs_backward(ddot, dyi, &k, rows, h, j0, count);
        for (ptrdiff_t i = 0; i < rows; i++) {
          VLM_FOR_VECTORS(j, part, count, {
            float *ddotij = ddot + i * BLOCK_KEYS + j;
            put(ddotij, get(p + i * T + j0 + j, part) * (get(ddotij, part) - mean[i]) * scale, part);
          });
        }
        for (ptrdiff_t j = j0; j < j0 + count;) {
          key_run b = run_at(j, j0 + count, &k, dprefix, down);
          const float *ddotj = ddot + (j - j0);
          product(dq + i0 * D + c, D, (left_factor){ddotj, BLOCK_KEYS, 1}, b.rows + c, ld, rows, b.count, d, 1);
          product(b.drows + c, ld, (left_factor){ddotj, 1, BLOCK_KEYS}, qi + c, D, b.count, rows, d, 1);
          product(b.drows + D + c, ld, (left_factor){p + j, 1, T}, dyi + c, D, b.count, rows, d, 1);
          j += b.count;
        }
      }
    }
  }
}
