// TensorAttention: score_ij = (q1_i . k1_j) (q2_i . k2_j) / d, a kernel of degree 4 in (q, k).

static void tensor_attention_forward(float *y, float *probs, float *dots, const float *q, const float *prefix,
                                     const float *own, ptrdiff_t n, ptrdiff_t F, ptrdiff_t S, ptrdiff_t D,
                                     ptrdiff_t H) {
  const keys k = {prefix, own, n, F, S, D, H};
  ptrdiff_t T = F + S, d = D / H;
  for (ptrdiff_t h = 0; h < H; h++) {
    float *first = dots + h * n * T, *second = dots + (H + h) * n * T, *score = probs + h * n * T;
    forward_product(first, T, q + h * d, D, key_rows(&k, h * d), n, d / 2, T, 0);
    forward_product(second, T, q + h * d + d / 2, D, key_rows(&k, h * d + d / 2), n, d / 2, T, 0);
    VLM_FOR_VECTORS(j, part, n * T, {
      put(score + j, get(first + j, part) * get(second + j, part) * (1 / (float)d), part);
    });
    softmax_visible(score, &k);
    weighted_rows(y + h * d, D, score, T, &k, n, D + h * d, d);
  }
}

static void tensor_attention_backward(float *dq, float *dprefix, float *down, const float *dy, const float *probs,
                                      const float *dots, const float *q, const float *prefix, const float *own,
                                      ptrdiff_t n, ptrdiff_t F, ptrdiff_t S, ptrdiff_t D, ptrdiff_t H,
                                      int accumulate) {
  const keys k = {prefix, own, n, F, S, D, H};
  ptrdiff_t T = F + S, d = D / H, ld = 2 * D;
  zero(dq, n * D);
  if (!accumulate) {
    zero(dprefix, F * ld);
    zero(down, S * ld);
  }
  for (ptrdiff_t h = 0; h < H; h++) {
    for (ptrdiff_t i0 = 0; i0 < n; i0 += BLOCK_QUERIES) {
      ptrdiff_t rows = least(BLOCK_QUERIES, n - i0);
      const float *p = probs + (h * n + i0) * T, *dyi = dy + i0 * D, *qi = q + i0 * D;
      const float *dot1 = dots + (h * n + i0) * T, *dot2 = dots + ((H + h) * n + i0) * T;
      float dprobs[BLOCK_QUERIES * BLOCK_KEYS], ddot1[BLOCK_QUERIES * BLOCK_KEYS], mean[BLOCK_QUERIES];
      mean_dprobs(mean, dprobs, dyi, p, &k, rows, h);
      for (ptrdiff_t j0 = 0; j0 < T; j0 += BLOCK_KEYS) {
        ptrdiff_t count = least(BLOCK_KEYS, T - j0);
        if (T > BLOCK_KEYS) probs_backward(dprobs, dyi, &k, rows, h, j0, count);
        for (ptrdiff_t i = 0; i < rows; i++) {
          ptrdiff_t live = least(count, visible_to(&k, i0 + i) - j0);
          VLM_FOR_VECTORS(j, part, live, {
            float *dpij = dprobs + i * BLOCK_KEYS + j;
            ptrdiff_t at = i * T + j0 + j;
            vf dscore = get(p + at, part) * (get(dpij, part) - mean[i]) / (float)d;
            put(ddot1 + i * BLOCK_KEYS + j, dscore * get(dot2 + at, part), part);
            put(dpij, dscore * get(dot1 + at, part), part);
          });
          ptrdiff_t dark = live > 0 ? live : 0;
          zero(ddot1 + i * BLOCK_KEYS + dark, count - dark);
          zero(dprobs + i * BLOCK_KEYS + dark, count - dark);
        }
        for (ptrdiff_t j = j0; j < j0 + count;) {
          key_run b = run_at(j, j0 + count, &k, dprefix, down);
          for (int half = 0; half < 2; half++) {
            const float *ddot = (half ? dprobs : ddot1) + (j - j0);
            ptrdiff_t c = h * d + half * (d / 2);
            product(dq + i0 * D + c, D, (left_factor){ddot, BLOCK_KEYS, 1}, b.rows + c, ld, rows, b.count, d / 2, 1);
            product(b.drows + c, ld, (left_factor){ddot, 1, BLOCK_KEYS}, qi + c, D, b.count, rows, d / 2, 1);
          }
          product(b.drows + D + h * d, ld, (left_factor){p + j, 1, T}, dyi + h * d, D, b.count, rows, d, 1);
          j += b.count;
        }
      }
    }
  }
}
