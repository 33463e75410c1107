// Attention of degree R: score_ij = product over r < R of (q_r,i . k_r,j) / d^(R/2), where q_r and k_r are part r of R of a
// head's components. R = 1 is dot attention, R = 2 tensor attention; these two have loops of their own.

/// The keys and values that the n queries of an image see: F rows of the vision, then S of its own text.
typedef struct {
  const float *vision, *text;
  ptrdiff_t n, F, S, D, H;
} keys;

VLM_INLINE ptrdiff_t visible_to(const keys *k, ptrdiff_t i) { return k->F + k->S - k->n + i + 1; }

enum {
  // Queries and keys of a block: its tiles lie on the stack. A row of a tile has room for a vector beyond the last key.
  BLOCK_QUERIES = 8,
  BLOCK_KEYS = 64,
  TILE_ROW = BLOCK_KEYS + 16,
  TILE_SIZE = BLOCK_QUERIES * TILE_ROW,
  // A head of so many components, one vector, has loops of its own. With AVX-512 too they are eight, as in the default
  // model, not sixteen.
  HEAD_WIDTH = L < 8 ? L : 8,
  // Queries of such a head that are summed at once: two sums of each stay in registers.
  HEAD_QUERIES = 5,
  // Keys of such a head whose gradients are summed at once.
  HEAD_KEYS = 4,
  // The largest degree: partial scores of a block lie on the stack too.
  MOST_PARTS = 16,
};

typedef float vh __attribute__((vector_size(4 * HEAD_WIDTH)));

VLM_INLINE vh load_head(const float *p) {
  vh v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

VLM_INLINE void store_head(float *p, vh v) { __builtin_memcpy(p, &v, sizeof v); }

/// Consecutive keys of one segment, with their gradients.
typedef struct {
  const float *rows;
  float *drows;
  ptrdiff_t count;
} key_run;

/// The keys from `first` to at most `last`, as far as they are in one segment.
VLM_INLINE key_run run_at(ptrdiff_t first, ptrdiff_t last, const keys *k, float *dvision, float *dtext) {
  ptrdiff_t ld = 2 * k->D, j = first - k->F;
  if (j < 0) return (key_run){k->vision + first * ld, dvision + first * ld, least(last, k->F) - first};
  return (key_run){k->text + j * ld, dtext + j * ld, last - first};
}

/// dots_i += Σ_c x_ic columns_c for `terms` (a constant) components of n queries, or written if they are the first.
VLM_INLINE void add_terms(float *dots, const float *x, ptrdiff_t ldx, const vf *columns, const int terms, ptrdiff_t n,
                          int accumulate) {
  for (ptrdiff_t i = 0; i < n; i++, dots += TILE_ROW, x += ldx) {
    vf s = accumulate ? load(dots) : (vf){0};
    for (int c = 0; c < terms; c++) s += x[c] * columns[c];
    store(dots, s);
  }
}

/// The terms that are left of a depth that is no multiple of 4. Not inlined: it would take the others' registers.
static __attribute__((noinline)) void add_rest(float *dots, const float *x, ptrdiff_t ldx, const float *const rows[L],
                                               ptrdiff_t at, ptrdiff_t terms, ptrdiff_t n, int accumulate) {
  for (ptrdiff_t c = 0; c < terms; c++) {
    float column[L];
    for (int o = 0; o < L; o++) column[o] = rows[o][at + c];
    const vf turned = load(column);
    add_terms(dots, x + c, ldx, &turned, 1, n, accumulate || c > 0);
  }
}

/// L columns of a tile: x_i . row_j over the d components from `at` on, for n queries and the L keys that `rows` points to.
VLM_INLINE void vector_of_dots(float *tile, const float *x, ptrdiff_t ldx, const float *const rows[L], ptrdiff_t n,
                               ptrdiff_t at, ptrdiff_t d) {
  ptrdiff_t c = 0;
  for (; c + 4 <= d; c += 4) {
    vf columns[4];
    transpose(columns, rows, at + c);
    add_terms(tile, x + c, ldx, columns, 4, n, c > 0);
  }
  if (c < d) add_rest(tile, x + c, ldx, rows, at + c, d - c, n, c > 0);
}

/// The keys of a block; the last one stands for those beyond it, so that vectors of keys are whole.
typedef struct {
  const float *rows[TILE_ROW];
  ptrdiff_t count;
} key_block;

static void point_at(key_block *block, const keys *k, ptrdiff_t first) {
  const ptrdiff_t T = k->F + k->S, ld = 2 * k->D;
  block->count = least(BLOCK_KEYS, T - first);
  for (ptrdiff_t o = 0; o < (block->count + L - 1) / L * L; o++) {
    const ptrdiff_t j = least(first + o, T - 1);
    block->rows[o] = j < k->F ? k->vision + j * ld : k->text + (j - k->F) * ld;
  }
}

/// The same for all keys of a block. Keys lie across lanes, so that there are no horizontal sums, here and in softmax.
/// tile (BLOCK_QUERIES, TILE_ROW).
VLM_INLINE void key_dots(float *tile, const float *x, ptrdiff_t ldx, const key_block *block, ptrdiff_t n, ptrdiff_t at,
                         ptrdiff_t d) {
  for (ptrdiff_t j = 0; j < block->count; j += L) vector_of_dots(tile + j, x, ldx, block->rows + j, n, at, d);
}

/// probs_i = softmax of the scores of query i, 0 where masked, for `n` queries from `first` on. Up to BLOCK_KEYS scores
/// are in a tile (which is changed) with -∞ where masked, more are in probs.  probs (n, T).
// Not inlined, as weighted_rows is not: their registers would be taken from the loops around.
static __attribute__((noinline)) void softmax_visible(float *probs, float *tile, const keys *k, ptrdiff_t first,
                                                      ptrdiff_t n) {
  const ptrdiff_t T = k->F + k->S;
  for (ptrdiff_t i = 0; i < n; i++, probs += T, tile += TILE_ROW) {
    const ptrdiff_t visible = visible_to(k, first + i);
    float max;
    if (T > BLOCK_KEYS) {
      softmax(probs, probs, visible, &max);
      zero(probs + visible, T - visible);
      continue;
    }
    vf best = splat(-INFINITY), total = {0};
    for (ptrdiff_t j = 0; j < visible; j += L) {
      vf x = load(tile + j);
      best = choose(x > best, x, best);
    }
    max = largest_lane(best);
    ptrdiff_t j = 0;
    for (; j < visible; j += L) {
      vf e = exponential(load(tile + j) - max);
      store(tile + j, e);
      total += e;
    }
    for (; j < T; j += L) store(tile + j, (vf){0});
    const float scale = 1 / sum(total);
    VLM_FOR_VECTORS(j, part, T, put(probs + j, load(tile + j) * scale, part););
  }
}

/// Factors of the components of a head: one for all (parts 1), or one for each half, `second` floats apart (parts 2).
VLM_INLINE vh factors(const float *w, ptrdiff_t second, const int parts) {
  vh factor;
  for (int c = 0; c < HEAD_WIDTH; c++) factor[c] = w[parts == 1 || c < HEAD_WIDTH / 2 ? 0 : second];
  return factor;
}

/// y_i = Σ_j w_ij row_j over all keys, for `rows` (a constant) queries and a head of one vector, at `at` in a row.
VLM_INLINE void weighted_head(float *y, const float *w, ptrdiff_t ldw, ptrdiff_t second, const keys *k, ptrdiff_t at,
                              const int rows, const int parts) {
  const ptrdiff_t ld = 2 * k->D;
  vh s[2][HEAD_QUERIES] = {0};
  for (int is_text = 0; is_text < 2; is_text++) {
    const float *row = (is_text ? k->text : k->vision) + at, *wj = is_text ? w + k->F : w;
    const ptrdiff_t count = is_text ? k->S : k->F;
    ptrdiff_t j = 0;
    for (; j + 2 <= count; j += 2) {
      for (int u = 0; u < 2; u++) {
        vh kj = load_head(row + (j + u) * ld);
        for (int i = 0; i < rows; i++) s[u][i] += factors(wj + i * ldw + j + u, second, parts) * kj;
      }
    }
    if (j < count) {
      vh kj = load_head(row + j * ld);
      for (int i = 0; i < rows; i++) s[0][i] += factors(wj + i * ldw + j, second, parts) * kj;
    }
  }
  for (int i = 0; i < rows; i++) store_head(y + i * k->D, s[0][i] + s[1][i]);
}

/// The same for n queries.
VLM_INLINE void weighted_heads(float *y, const float *w, ptrdiff_t ldw, ptrdiff_t second, const keys *k, ptrdiff_t n,
                               ptrdiff_t at, const int parts) {
  while (n > 0) {
    const ptrdiff_t rows = n <= HEAD_QUERIES ? n : n < 2 * HEAD_QUERIES ? (n + 1) / 2 : HEAD_QUERIES;
    switch (rows) {
    case 1: weighted_head(y, w, ldw, second, k, at, 1, parts); break;
    case 2: weighted_head(y, w, ldw, second, k, at, 2, parts); break;
    case 3: weighted_head(y, w, ldw, second, k, at, 3, parts); break;
    case 4: weighted_head(y, w, ldw, second, k, at, 4, parts); break;
    default: weighted_head(y, w, ldw, second, k, at, 5, parts); break;
    }
    n -= rows;
    y += rows * k->D;
    w += rows * ldw;
  }
}

/// y = Σ_j weights_ij row_j over all keys, for a head's components from `at` on.  weights (n, T).
static __attribute__((noinline)) void weighted_rows(float *y, const float *weights, const keys *k, ptrdiff_t n,
                                                    ptrdiff_t at) {
  const ptrdiff_t d = k->D / k->H, ld = 2 * k->D, T = k->F + k->S;
  if (d == HEAD_WIDTH) {
    weighted_heads(y, weights, T, 0, k, n, at, 1);
    return;
  }
  product(y, k->D, (left_factor){weights, T, 1}, k->vision + at, ld, n, k->F, d, 0);
  product(y, k->D, (left_factor){weights + k->F, T, 1}, k->text + at, ld, n, k->S, d, 1);
}

/// mean_i = Σ_l probs_il dprobs_il of one head, with dprobs_ij = dy_i . v_j, for `n` queries; dy and probs at the first
/// of them. Leaves dprobs of the last block, and that block.  dprobs (n, TILE_ROW).
static void mean_dprobs(float *mean, float *dprobs, key_block *block, const float *dy, const float *probs,
                        const keys *k, ptrdiff_t n, ptrdiff_t head) {
  ptrdiff_t T = k->F + k->S, d = k->D / k->H;
  for (ptrdiff_t i = 0; i < n; i++) mean[i] = 0;
  for (ptrdiff_t j = 0; j < T; j += BLOCK_KEYS) {
    if (T > BLOCK_KEYS) point_at(block, k, j);
    key_dots(dprobs, dy + head * d, k->D, block, n, k->D + head * d, d);
    for (ptrdiff_t i = 0; i < n; i++) mean[i] += dot(probs + i * T + j, dprobs + i * TILE_ROW, block->count);
  }
}

/// dk_j = Σ_i w_ij q_i and dv_j = Σ_i p_ij dy_i, or added to them, for `count` (a constant) keys and n queries of a head
/// of one vector; w and p are at the first key.
VLM_INLINE void key_gradients(float *dkeys, const float *w, ptrdiff_t second, const float *p, const float *q,
                              const float *dy, const keys *k, ptrdiff_t n, const int count, const int parts,
                              int accumulate) {
  const ptrdiff_t D = k->D, T = k->F + k->S;
  vh dk[HEAD_KEYS] = {0}, dv[HEAD_KEYS] = {0};
  for (int j = 0; accumulate && j < count; j++) {
    dk[j] = load_head(dkeys + j * 2 * D);
    dv[j] = load_head(dkeys + j * 2 * D + D);
  }
  for (ptrdiff_t i = 0; i < n; i++) {
    vh qi = load_head(q + i * D), dyi = load_head(dy + i * D);
    for (int j = 0; j < count; j++) {
      dk[j] += factors(w + i * TILE_ROW + j, second, parts) * qi;
      dv[j] += p[i * T + j] * dyi;
    }
  }
  for (int j = 0; j < count; j++) {
    store_head(dkeys + j * 2 * D, dk[j]);
    store_head(dkeys + j * 2 * D + D, dv[j]);
  }
}

/// dq, dk and dv of a head of one vector, which starts at component `at` of a key; the other rows start at the head.
VLM_INLINE void head_gradients(float *dq, float *dvision, float *dtext, const float *w, ptrdiff_t second, const float *p,
                               const float *q, const float *dy, const keys *k, ptrdiff_t n, ptrdiff_t at,
                               const int parts, int accumulate) {
  const ptrdiff_t ld = 2 * k->D;
  weighted_heads(dq, w, TILE_ROW, second, k, n, at, parts);
  for (int is_text = 0; is_text < 2; is_text++) {
    float *dkeys = (is_text ? dtext : dvision) + at;
    const ptrdiff_t count = is_text ? k->S : k->F;
    ptrdiff_t j = 0;
    for (; j + HEAD_KEYS <= count; j += HEAD_KEYS, dkeys += HEAD_KEYS * ld, w += HEAD_KEYS, p += HEAD_KEYS) {
      key_gradients(dkeys, w, second, p, q, dy, k, n, HEAD_KEYS, parts, accumulate);
    }
    for (; j < count; j++, dkeys += ld, w++, p++) {
      key_gradients(dkeys, w, second, p, q, dy, k, n, 1, parts, accumulate);
    }
  }
}

/// 1 / d^(R/2).
static float score_scale(ptrdiff_t d, ptrdiff_t R) {
  float power = 1;
  for (ptrdiff_t r = 1; r < R; r += 2) power *= (float)d;
  return 1 / (R % 2 ? power * square_root((float)d) : power);
}

/// Both dot products and, in `tile`, the scores of n queries from `first` on, -∞ where masked, by a head of 2 x 4
/// components at `at`: what scores_of_block does, but the dot products stay in registers.  partial1, partial2 (n, T).
static void scores_of_eight(float *tile, float *partial1, float *partial2, const float *q, const key_block *block,
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
      put(partial1 + i * T + j, dot1, part);
      put(partial2 + i * T + j, dot2, part);
      store(tile + i * TILE_ROW + j, only(dot1 * dot2 * 0.125f, visible_to(k, first + i) - j, -INFINITY));
    }
  });
}

/// The same for heads of any width, any R and a block of keys from `j0` on: `scores` holds their product, scaled. If there
/// are more than one block, the scores are in `probs` instead, not masked.  partial (R, H, n, T), of R > 1,
/// and probs (n, T) at the first query of the head. R is a constant where that pays.
VLM_INLINE void scores_of_block(float *scores, float *probs, float *partial, const float *q, const key_block *block,
                                const keys *k, ptrdiff_t first, ptrdiff_t n, ptrdiff_t at, ptrdiff_t j0, float scale,
                                const ptrdiff_t R) {
  const ptrdiff_t T = k->F + k->S, depth = k->D / k->H / R;
  float tile[TILE_SIZE];
  for (ptrdiff_t r = 0; r < R; r++) {
    const int is_first = r == 0, is_last = r + 1 == R;
    key_dots(tile, q + at + r * depth, k->D, block, n, at + r * depth, depth);
    for (ptrdiff_t i = 0; i < n; i++) {
      const ptrdiff_t here = i * T + j0, visible = visible_to(k, first + i) - j0;
      VLM_FOR_VECTORS(j, part, block->count, {
        float *score = scores + i * TILE_ROW + j;
        vf dot = load(tile + i * TILE_ROW + j);
        if (R > 1) put(partial + r * k->H * k->n * T + here + j, dot, part);
        vf product = is_first ? dot : load(score) * dot;
        if (!is_last) store(score, product);
        else if (T <= BLOCK_KEYS) store(score, only(product * scale, visible - j, -INFINITY));
        else put(probs + here + j, product * scale, part);
      });
    }
  }
}

static void attention_forward(float *y, float *probs, float *partial_scores, const float *q, const float *vision,
                              const float *text, ptrdiff_t n, ptrdiff_t F, ptrdiff_t S, ptrdiff_t D, ptrdiff_t H,
                              ptrdiff_t R) {
  const keys k = {vision, text, n, F, S, D, H};
  const ptrdiff_t T = F + S, d = D / H;
  const float scale = score_scale(d, R);
  for (ptrdiff_t j0 = 0; j0 < T; j0 += BLOCK_KEYS) {
    key_block block;
    point_at(&block, &k, j0);
    for (ptrdiff_t h = 0; h < H; h++) {
      for (ptrdiff_t i0 = 0; i0 < n; i0 += BLOCK_QUERIES) {
        const ptrdiff_t rows = least(BLOCK_QUERIES, n - i0), at = (h * n + i0) * T;
        const float *qi = q + i0 * D;
        float scores[TILE_SIZE];
        if (R == 2 && d == 8 && T <= BLOCK_KEYS) {
          scores_of_eight(scores, partial_scores + at, partial_scores + H * n * T + at, qi, &block, &k, i0, rows, h * d);
        } else if (R == 1) {
          scores_of_block(scores, probs + at, NULL, qi, &block, &k, i0, rows, h * d, j0, scale, 1);
        } else {
          scores_of_block(scores, probs + at, partial_scores + at, qi, &block, &k, i0, rows, h * d, j0, scale, R);
        }
        // With several blocks the scores of a row are whole after the last.
        if (j0 + BLOCK_KEYS < T) continue;
        softmax_visible(probs + at, scores, &k, i0, rows);
        weighted_rows(y + i0 * D + h * d, probs + at, &k, rows, D + h * d);
      }
    }
  }
}

/// ddot_r = dscore product of partial_s, s != r, in ddot (R, n, TILE_ROW), for n queries from `first` on and the keys of a
/// block from `j0` on, 0 where masked; dscore = probs (dprobs - mean) scale.  partial (R, H, n, T) at the first query of the
/// head. R is a constant where that pays.
VLM_INLINE void partial_scores_backward(float *ddot, const float *dprobs, const float *mean, const float *probs,
                                        const float *partial, const key_block *block, const keys *k, ptrdiff_t first,
                                        ptrdiff_t n, ptrdiff_t j0, float scale, const ptrdiff_t R) {
  const ptrdiff_t T = k->F + k->S, partial_size = k->H * k->n * T;
  for (ptrdiff_t i = 0; i < n; i++) {
    const ptrdiff_t live = least(block->count, visible_to(k, first + i) - j0);
    ptrdiff_t end = 0;
    VLM_FOR_VECTORS(j, part, live, {
      const ptrdiff_t at = i * T + j0 + j;
      const vf dscore = get(probs + at, part) * (load(dprobs + i * TILE_ROW + j) - mean[i]) * scale;
      for (ptrdiff_t r = 0; r < R; r++) {
        vf product = dscore;
        for (ptrdiff_t s = 0; s < R; s++) {
          if (s != r) product *= get(partial + s * partial_size + at, part);
        }
        store(ddot + (r * n + i) * TILE_ROW + j, only(product, part, 0));
      }
      end = j + L;
    });
    for (; end < block->count; end += L) {
      for (ptrdiff_t r = 0; r < R; r++) store(ddot + (r * n + i) * TILE_ROW + end, (vf){0});
    }
  }
}

// Parts of up to this many components do not fill vectors. With R = 2 they are taken as whole rows instead, [q1 0] and
// [0 q2].
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

static void attention_backward(float *dq, float *dvision, float *dtext, const float *dy, const float *probs,
                               const float *partial_scores, const float *q, const float *vision, const float *text,
                               ptrdiff_t n, ptrdiff_t F, ptrdiff_t S, ptrdiff_t D, ptrdiff_t H, ptrdiff_t R,
                               int accumulate) {
  const keys k = {vision, text, n, F, S, D, H};
  const ptrdiff_t T = F + S, d = D / H, ld = 2 * D;
  const float scale = score_scale(d, R);
  if (n == 0 && !accumulate) {
    zero(dvision, F * ld);
    zero(dtext, S * ld);
  }
  const int in_vectors = R <= 2 && d == HEAD_WIDTH && T <= BLOCK_KEYS, in_halves = R == 2 && d <= HALVES && !in_vectors;
  key_block block;
  point_at(&block, &k, 0);
  for (ptrdiff_t h = 0; h < H; h++) {
    for (ptrdiff_t i0 = 0; i0 < n; i0 += BLOCK_QUERIES) {
      const ptrdiff_t rows = least(BLOCK_QUERIES, n - i0), c = h * d;
      const float *p = probs + (h * n + i0) * T, *dyi = dy + i0 * D, *qi = q + i0 * D;
      const float *partial = R > 1 ? partial_scores + (h * n + i0) * T : NULL;
      float dprobs[TILE_SIZE], ddot[MOST_PARTS * TILE_SIZE], mean[BLOCK_QUERIES];
      float halves[2 * BLOCK_QUERIES * HALVES], dhalves[2 * BLOCK_QUERIES * HALVES];
      if (in_halves) split_halves(halves, qi, D, c, rows, d);
      mean_dprobs(mean, dprobs, &block, dyi, p, &k, rows, h);
      for (ptrdiff_t j0 = 0; j0 < T; j0 += BLOCK_KEYS) {
        const int add = accumulate || i0 > 0;
        if (T > BLOCK_KEYS) {
          point_at(&block, &k, j0);
          key_dots(dprobs, dyi + c, D, &block, rows, D + c, d);
        }
        if (R == 1) partial_scores_backward(ddot, dprobs, mean, p, NULL, &block, &k, i0, rows, j0, scale, 1);
        else if (R == 2) partial_scores_backward(ddot, dprobs, mean, p, partial, &block, &k, i0, rows, j0, scale, 2);
        else partial_scores_backward(ddot, dprobs, mean, p, partial, &block, &k, i0, rows, j0, scale, R);
        if (in_vectors) {
          float *dqi = dq + i0 * D + c;
          if (R == 1) head_gradients(dqi, dvision, dtext, ddot, 0, p, qi + c, dyi + c, &k, rows, c, 1, add);
          else head_gradients(dqi, dvision, dtext, ddot, rows * TILE_ROW, p, qi + c, dyi + c, &k, rows, c, 2, add);
          continue;
        }
        for (ptrdiff_t j = j0; j < j0 + block.count;) {
          const key_run b = run_at(j, j0 + block.count, &k, dvision, dtext);
          const float *ddotj = ddot + (j - j0);
          if (in_halves) {
            product(dhalves, d, (left_factor){ddotj, TILE_ROW, 1}, b.rows + c, ld, 2 * rows, b.count, d, j > 0);
            product(b.drows + c, ld, (left_factor){ddotj, 1, TILE_ROW}, halves, d, b.count, 2 * rows, d, add);
          } else {
            for (ptrdiff_t e = c; e < c + d; e += d / R, ddotj += rows * TILE_ROW) {
              product(dq + i0 * D + e, D, (left_factor){ddotj, TILE_ROW, 1}, b.rows + e, ld, rows, b.count, d / R, j > 0);
              product(b.drows + e, ld, (left_factor){ddotj, 1, TILE_ROW}, qi + e, D, b.count, rows, d / R, add);
            }
          }
          product(b.drows + D + c, ld, (left_factor){p + j, 1, T}, dyi + c, D, b.count, rows, d, add);
          j += b.count;
        }
      }
      if (in_halves) join_halves(dq + i0 * D, dhalves, D, c, rows, d);
    }
  }
}
