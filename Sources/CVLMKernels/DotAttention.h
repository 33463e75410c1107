// DotAttention: score_ij = (q_i . k_j) / sqrt(d).

static void dot_attention_forward(float *y, float *probs, const float *q, const float *prefix, const float *own,
                                  ptrdiff_t n, ptrdiff_t F, ptrdiff_t S, ptrdiff_t D, ptrdiff_t H) {
  const keys k = {prefix, own, n, F, S, D, H};
  ptrdiff_t T = F + S, d = D / H;
  float scale = 1 / square_root((float)d);
  for (ptrdiff_t j0 = 0; j0 < T; j0 += BLOCK_KEYS) {
    key_block block;
    point_at(&block, &k, j0);
    for (ptrdiff_t h = 0; h < H; h++) {
      for (ptrdiff_t i0 = 0; i0 < n; i0 += BLOCK_QUERIES) {
        ptrdiff_t rows = least(BLOCK_QUERIES, n - i0), at = (h * n + i0) * T;
        float tiles[TILE_SIZE];
        key_dots(tiles, q + i0 * D + h * d, D, &block, rows, h * d, d, 1);
        for (ptrdiff_t i = 0; i < rows; i++) {
          ptrdiff_t here = at + i * T + j0, visible = visible_to(&k, i0 + i) - j0;
          VLM_FOR_VECTORS(j, part, block.count, {
            float *tile = tiles + i * TILE_ROW + j;
            vf score = load(tile) * scale;
            if (T <= BLOCK_KEYS) store(tile, only(score, visible - j, -INFINITY));
            else put(probs + here + j, score, part);
          });
        }
        // With several blocks the scores of a row are whole after the last.
        if (j0 + BLOCK_KEYS < T) continue;
        softmax_visible(probs + at, tiles, &k, i0, rows);
        weighted_rows(y + i0 * D + h * d, probs + at, &k, rows, D + h * d);
      }
    }
  }
}

static void dot_attention_backward(float *dq, float *dprefix, float *down, const float *dy, const float *probs,
                                   const float *q, const float *prefix, const float *own, ptrdiff_t n, ptrdiff_t F,
                                   ptrdiff_t S, ptrdiff_t D, ptrdiff_t H, int accumulate) {
  const keys k = {prefix, own, n, F, S, D, H};
  ptrdiff_t T = F + S, d = D / H, ld = 2 * D;
  float scale = 1 / square_root((float)d);
  if (n == 0 && !accumulate) {
    zero(dprefix, F * ld);
    zero(down, S * ld);
  }
  key_block block;
  point_at(&block, &k, 0);
  for (ptrdiff_t h = 0; h < H; h++) {
    for (ptrdiff_t i0 = 0; i0 < n; i0 += BLOCK_QUERIES) {
      ptrdiff_t rows = least(BLOCK_QUERIES, n - i0), c = h * d;
      const float *p = probs + (h * n + i0) * T, *dyi = dy + i0 * D, *qi = q + i0 * D;
      float ddot[TILE_SIZE], mean[BLOCK_QUERIES];
      mean_dprobs(mean, ddot, &block, dyi, p, &k, rows, h);
      for (ptrdiff_t j0 = 0; j0 < T; j0 += BLOCK_KEYS) {
        if (T > BLOCK_KEYS) {
          point_at(&block, &k, j0);
          key_dots(ddot, dyi + c, D, &block, rows, D + c, d, 1);
        }
        for (ptrdiff_t i = 0; i < rows; i++) {
          VLM_FOR_VECTORS(j, part, block.count, {
            float *ddotij = ddot + i * TILE_ROW + j;
            store(ddotij, get(p + i * T + j0 + j, part) * (load(ddotij) - mean[i]) * scale);
          });
        }
        if (d == HEAD_WIDTH && T <= BLOCK_KEYS) {
          head_gradients(dq + i0 * D + c, dprefix, down, ddot, 0, p, qi + c, dyi + c, &k, rows, c, 1,
                         accumulate || i0 > 0);
          continue;
        }
        for (ptrdiff_t j = j0; j < j0 + block.count;) {
          key_run b = run_at(j, j0 + block.count, &k, dprefix, down);
          const float *ddotj = ddot + (j - j0);
          int add = accumulate || i0 > 0;
          product(dq + i0 * D + c, D, (left_factor){ddotj, TILE_ROW, 1}, b.rows + c, ld, rows, b.count, d, j > 0);
          product(b.drows + c, ld, (left_factor){ddotj, 1, TILE_ROW}, qi + c, D, b.count, rows, d, add);
          product(b.drows + D + c, ld, (left_factor){p + j, 1, T}, dyi + c, D, b.count, rows, d, add);
          j += b.count;
        }
      }
    }
  }
}
