// TensorAttention: score_ij = (q1_i . k1_j) (q2_i . k2_j) / d, a kernel of degree 4 in (q, k).

/// Both dot products and, in `tile`, the scores of n queries from `first` on, -∞ where masked, by a head of 2 x 4
/// components at `at`: what key_dots does, but the dot products stay in registers.  dots1, dots2 (n, T).
static void scores_of_eight(float *tile, float *dots1, float *dots2, const float *q, const key_block *block,
                            const keys *k, ptrdiff_t first, ptrdiff_t n, ptrdiff_t at) {
  const ptrdiff_t T = k->F + k->S;
  VLM_FOR_VECTORS(j, part, T, {
    vf left[4];
    vf right[4];
    transpose(left, block->rows + j, at);
    transpose(right, block->rows + j, at + 4);
    for (ptrdiff_t i = 0; i < n; i++) {
      const float *qi = q + i * k->D + at;
      vf dot1 = qi[0] * left[0] + qi[1] * left[1] + qi[2] * left[2] + qi[3] * left[3];
      vf dot2 = qi[4] * right[0] + qi[5] * right[1] + qi[6] * right[2] + qi[7] * right[3];
      put(dots1 + i * T + j, dot1, part);
      put(dots2 + i * T + j, dot2, part);
      store(tile + i * TILE_ROW + j, only(dot1 * dot2 * 0.125f, visible_to(k, first + i) - j, -INFINITY));
    }
  });
}

/// The same for heads of any width and a block of keys from `j0` on. If there are more than one block, the scores are in
/// `probs` instead, not masked.  tiles (2, BLOCK_QUERIES, TILE_ROW); probs, dots1, dots2 (n, T).
static void scores_of_block(float *tiles, float *probs, float *dots1, float *dots2, const float *q,
                            const key_block *block, const keys *k, ptrdiff_t first, ptrdiff_t n, ptrdiff_t at,
                            ptrdiff_t j0) {
  const ptrdiff_t T = k->F + k->S, d = k->D / k->H;
  key_dots(tiles, q + at, k->D, block, n, at, d, 2);
  for (ptrdiff_t i = 0; i < n; i++) {
    ptrdiff_t here = i * T + j0, visible = visible_to(k, first + i) - j0;
    VLM_FOR_VECTORS(j, part, block->count, {
      float *tile = tiles + i * TILE_ROW + j;
      vf dot1 = load(tile), dot2 = load(tile + TILE_SIZE);
      vf score = dot1 * dot2 * (1 / (float)d);
      put(dots1 + here + j, dot1, part);
      put(dots2 + here + j, dot2, part);
      if (T <= BLOCK_KEYS) store(tile, only(score, visible - j, -INFINITY));
      else put(probs + here + j, score, part);
    });
  }
}

static void tensor_attention_forward(float *y, float *probs, float *dots, const float *q, const float *prefix,
                                     const float *own, ptrdiff_t n, ptrdiff_t F, ptrdiff_t S, ptrdiff_t D,
                                     ptrdiff_t H) {
  const keys k = {prefix, own, n, F, S, D, H};
  ptrdiff_t T = F + S, d = D / H;
  for (ptrdiff_t j0 = 0; j0 < T; j0 += BLOCK_KEYS) {
    key_block block;
    point_at(&block, &k, j0);
    for (ptrdiff_t h = 0; h < H; h++) {
      for (ptrdiff_t i0 = 0; i0 < n; i0 += BLOCK_QUERIES) {
        ptrdiff_t rows = least(BLOCK_QUERIES, n - i0), at = (h * n + i0) * T;
        float tiles[2 * TILE_SIZE];
        const float *qi = q + i0 * D;
        float *dots1 = dots + at, *dots2 = dots1 + H * n * T;
        if (d == 8 && T <= BLOCK_KEYS) scores_of_eight(tiles, dots1, dots2, qi, &block, &k, i0, rows, h * d);
        else scores_of_block(tiles, probs + at, dots1, dots2, qi, &block, &k, i0, rows, h * d, j0);
        // With several blocks the scores of a row are whole after the last.
        if (j0 + BLOCK_KEYS < T) continue;
        softmax_visible(probs + at, tiles, &k, i0, rows);
        weighted_rows(y + i0 * D + h * d, probs + at, &k, rows, D + h * d);
      }
    }
  }
}

// Halves of up to this many components do not fill vectors. They are taken as whole rows instead, [q1 0] and [0 q2].
enum { HALVES = 2 * L };

/// halves_i = [q1_i 0], halves_{n+i} = [0 q2_i], for d components of q from c on.  halves (2, n, d).
static void split_halves(float *halves, const float *q, ptrdiff_t D, ptrdiff_t c, ptrdiff_t n, ptrdiff_t d) {
  for (ptrdiff_t i = 0; i < n; i++) {
    for (ptrdiff_t e = 0; e < d; e++) {
      halves[i * d + e] = e < d / 2 ? q[i * D + c + e] : 0;
      halves[(n + i) * d + e] = e < d / 2 ? 0 : q[i * D + c + e];
    }
  }
}

/// dq_i = [first half of dhalves_i, second half of dhalves_{n+i}].
static void join_halves(float *dq, const float *dhalves, ptrdiff_t D, ptrdiff_t c, ptrdiff_t n, ptrdiff_t d) {
  for (ptrdiff_t i = 0; i < n; i++) {
    for (ptrdiff_t e = 0; e < d; e++) dq[i * D + c + e] = dhalves[(e < d / 2 ? i : n + i) * d + e];
  }
}

static void tensor_attention_backward(float *dq, float *dprefix, float *down, const float *dy, const float *probs,
                                      const float *dots, const float *q, const float *prefix, const float *own,
                                      ptrdiff_t n, ptrdiff_t F, ptrdiff_t S, ptrdiff_t D, ptrdiff_t H,
                                      int accumulate) {
  const keys k = {prefix, own, n, F, S, D, H};
  ptrdiff_t T = F + S, d = D / H, ld = 2 * D;
  if (n == 0 && !accumulate) {
    zero(dprefix, F * ld);
    zero(down, S * ld);
  }
  const int vectors = d == HEAD_WIDTH && T <= BLOCK_KEYS, halved = d <= HALVES && !vectors;
  key_block block;
  point_at(&block, &k, 0);
  for (ptrdiff_t h = 0; h < H; h++) {
    for (ptrdiff_t i0 = 0; i0 < n; i0 += BLOCK_QUERIES) {
      ptrdiff_t rows = least(BLOCK_QUERIES, n - i0), c = h * d;
      const float *p = probs + (h * n + i0) * T, *dyi = dy + i0 * D, *qi = q + i0 * D;
      const float *dot1 = dots + (h * n + i0) * T, *dot2 = dots + ((H + h) * n + i0) * T;
      // Rows of ddot: ddot1 of all queries, then ddot2.
      float dprobs[TILE_SIZE], ddot[2 * TILE_SIZE], mean[BLOCK_QUERIES];
      float halves[2 * BLOCK_QUERIES * HALVES], dhalves[2 * BLOCK_QUERIES * HALVES];
      if (halved) split_halves(halves, qi, D, c, rows, d);
      mean_dprobs(mean, dprobs, &block, dyi, p, &k, rows, h);
      for (ptrdiff_t j0 = 0; j0 < T; j0 += BLOCK_KEYS) {
        if (T > BLOCK_KEYS) {
          point_at(&block, &k, j0);
          key_dots(dprobs, dyi + c, D, &block, rows, D + c, d, 1);
        }
        for (ptrdiff_t i = 0; i < rows; i++) {
          float *ddot1 = ddot + i * TILE_ROW, *ddot2 = ddot1 + rows * TILE_ROW;
          ptrdiff_t live = least(block.count, visible_to(&k, i0 + i) - j0), j1 = 0;
          VLM_FOR_VECTORS(j, part, live, {
            ptrdiff_t at = i * T + j0 + j;
            vf dscore = get(p + at, part) * (load(dprobs + i * TILE_ROW + j) - mean[i]) * (1 / (float)d);
            store(ddot1 + j, only(dscore * get(dot2 + at, part), part, 0));
            store(ddot2 + j, only(dscore * get(dot1 + at, part), part, 0));
            j1 = j + L;
          });
          for (; j1 < block.count; j1 += L) {
            store(ddot1 + j1, (vf){0});
            store(ddot2 + j1, (vf){0});
          }
        }
        if (vectors) {
          head_gradients(dq + i0 * D + c, dprefix, down, ddot, rows * TILE_ROW, p, qi + c, dyi + c, &k, rows, c, 2,
                         accumulate || i0 > 0);
          continue;
        }
        for (ptrdiff_t j = j0; j < j0 + block.count;) {
          key_run b = run_at(j, j0 + block.count, &k, dprefix, down);
          const float *ddotj = ddot + (j - j0);
          int add = accumulate || i0 > 0;
          if (halved) {
            product(dhalves, d, (left_factor){ddotj, TILE_ROW, 1}, b.rows + c, ld, 2 * rows, b.count, d, j > 0);
            product(b.drows + c, ld, (left_factor){ddotj, 1, TILE_ROW}, halves, d, b.count, 2 * rows, d, add);
          } else {
            for (ptrdiff_t e = c; e < c + d; e += d / 2, ddotj += rows * TILE_ROW) {
              float *dqi = dq + i0 * D + e;
              product(dqi, D, (left_factor){ddotj, TILE_ROW, 1}, b.rows + e, ld, rows, b.count, d / 2, j > 0);
              product(b.drows + e, ld, (left_factor){ddotj, 1, TILE_ROW}, qi + e, D, b.count, rows, d / 2, add);
            }
          }
          product(b.drows + D + c, ld, (left_factor){p + j, 1, T}, dyi + c, D, b.count, rows, d, add);
          j += b.count;
        }
      }
      if (halved) join_halves(dq + i0 * D, dhalves, D, c, rows, d);
    }
  }
}
