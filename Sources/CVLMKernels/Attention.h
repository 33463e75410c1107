// Attention: what tensor and dot attention share, the softmax and the walk over the keys.

/// exp x for x <= 0, to 2 ulp (1.1 measured over a third of all floats); below -104 it is 0, NaN stays.
///
/// x = n ln 2 + r with |r| <= ln 2 / 2, and exp x = 2^n exp r. With n whole and ln 2 = high + low, where `high` has 11
/// bits and n at most 8, x - n high is exact; exp r = 1 + r + r^2 q(r), where q of degree 4 interpolates at Chebyshev's
/// nodes: its relative error is 1.1e-8, 0.09 ulp, and the rest is rounding. 2^n is applied as 2^(n + 64), which is a
/// normal number, and 2^-64, since the result may be subnormal. Nothing underflows below -104, which would be slow.
VLM_INLINE vf exponential(vf x) {
  const float whole = 0x1.8p23f;  // added, it leaves the nearest integer in the low bits
  vf shifted = x * 0x1.715476p+0f + whole;
  vf n = shifted - whole;
  vf r = x - n * 0x1.62cp-1f;
  r -= n * 0x1.217f7ep-12f;
  vf q = 0x1.120ba2p-7f + r * 0x1.6d113cp-10f;
  q = 0x1.55551ap-5f + r * q;
  q = 0x1.5554dcp-3f + r * q;
  q = 0x1p-1f + r * q;
  vf y = 1 + (r + (r * r) * q);
  vf scaled = y * (vf)(((vi)shifted + (127 + 64)) << 23);  // the shift drops the bits of `whole`
  return choose(x < -104, (vf){0}, scaled) * 0x1p-64f;
}

/// probs = softmax(scores) of one row, which may be the same. Returns Σ exp(scores - max).
///
/// The part of a vector at the end stays in a register, filled up with -∞: what was stored in pieces is slow to load.
VLM_INLINE float softmax(float *probs, const float *scores, ptrdiff_t n, float *max) {
  if (n <= 0) return 0;
  const ptrdiff_t part = n % L, whole = n - part;
  vf last = part > 0 ? only(load_part(scores + whole, part), part, -INFINITY) : splat(-INFINITY);
  vf best = last;
  for (ptrdiff_t j = 0; j < whole; j += L) {
    // A NaN may be lost here: exp(NaN - largest) is NaN all the same.
    vf xj = load(scores + j);
    best = choose(xj > best, xj, best);
  }
  *max = largest_lane(best);
  last = part > 0 ? exponential(last - *max) : (vf){0};
  vf total = last;
  for (ptrdiff_t j = 0; j < whole; j += L) {
    vf e = exponential(load(scores + j) - *max);
    store(probs + j, e);
    total += e;
  }
  float z = sum(total), scale = 1 / z;
  for (ptrdiff_t j = 0; j < whole; j += L) store(probs + j, load(probs + j) * scale);
  if (part > 0) store_part(probs + whole, last * scale, part);
  return z;
}

/// The keys and values that the n queries of an image see: F rows of the prefix, then S of its own text.
typedef struct {
  const float *prefix, *own;
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
VLM_INLINE key_run run_at(ptrdiff_t first, ptrdiff_t last, const keys *k, float *dprefix, float *down) {
  ptrdiff_t ld = 2 * k->D, j = first - k->F;
  if (j < 0) return (key_run){k->prefix + first * ld, dprefix + first * ld, least(last, k->F) - first};
  return (key_run){k->own + j * ld, down + j * ld, last - first};
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

/// L columns of tile h < parts: x_i . row_j over part h of the d components from `at` on, for n queries and the L keys
/// that `rows` points to.
VLM_INLINE void vector_of_dots(float *tiles, const float *x, ptrdiff_t ldx, const float *const rows[L], ptrdiff_t n,
                               ptrdiff_t at, ptrdiff_t d, const int parts) {
  const ptrdiff_t depth = d / parts;
  for (int h = 0; h < parts; h++, tiles += TILE_SIZE) {
    ptrdiff_t c = h * depth;
    const ptrdiff_t first = c, end = c + depth;
    for (; c + 4 <= end; c += 4) {
      vf columns[4];
      transpose(columns, rows, at + c);
      add_terms(tiles, x + c, ldx, columns, 4, n, c > first);
    }
    if (c < end) add_rest(tiles, x + c, ldx, rows, at + c, end - c, n, c > first);
  }
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
    block->rows[o] = j < k->F ? k->prefix + j * ld : k->own + (j - k->F) * ld;
  }
}

/// The same for all keys of a block. Keys lie across lanes, so that there are no horizontal sums, here and in softmax.
/// tiles (parts, BLOCK_QUERIES, TILE_ROW).
VLM_INLINE void key_dots(float *tiles, const float *x, ptrdiff_t ldx, const key_block *block, ptrdiff_t n, ptrdiff_t at,
                         ptrdiff_t d, const int parts) {
  for (ptrdiff_t j = 0; j < block->count; j += L) vector_of_dots(tiles + j, x, ldx, block->rows + j, n, at, d, parts);
}

/// probs_i = softmax of the scores of query i, 0 where masked, for `n` queries from `first` on. Up to BLOCK_KEYS scores
/// are in a tile (which is changed) with -∞ where masked, more are in probs.  probs (n, T).
static void softmax_visible(float *probs, float *tile, const keys *k, ptrdiff_t first, ptrdiff_t n) {
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
  for (int own = 0; own < 2; own++) {
    const float *row = (own ? k->own : k->prefix) + at, *wj = own ? w + k->F : w;
    const ptrdiff_t count = own ? k->S : k->F;
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
static void weighted_rows(float *y, const float *weights, const keys *k, ptrdiff_t n, ptrdiff_t at) {
  const ptrdiff_t d = k->D / k->H, ld = 2 * k->D, T = k->F + k->S;
  if (d == HEAD_WIDTH) {
    weighted_heads(y, weights, T, 0, k, n, at, 1);
    return;
  }
  product(y, k->D, (left_factor){weights, T, 1}, k->prefix + at, ld, n, k->F, d, 0);
  product(y, k->D, (left_factor){weights + k->F, T, 1}, k->own + at, ld, n, k->S, d, 1);
}

/// mean_i = Σ_l probs_il dprobs_il of one head, with dprobs_ij = dy_i . v_j, for `n` queries; dy and probs at the first
/// of them. Leaves dprobs of the last block, and that block.  dprobs (n, TILE_ROW).
static void mean_dprobs(float *mean, float *dprobs, key_block *block, const float *dy, const float *probs,
                        const keys *k, ptrdiff_t n, ptrdiff_t head) {
  ptrdiff_t T = k->F + k->S, d = k->D / k->H;
  for (ptrdiff_t i = 0; i < n; i++) mean[i] = 0;
  for (ptrdiff_t j = 0; j < T; j += BLOCK_KEYS) {
    if (T > BLOCK_KEYS) point_at(block, k, j);
    key_dots(dprobs, dy + head * d, k->D, block, n, k->D + head * d, d, 1);
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
VLM_INLINE void head_gradients(float *dq, float *dprefix, float *down, const float *w, ptrdiff_t second, const float *p,
                               const float *q, const float *dy, const keys *k, ptrdiff_t n, ptrdiff_t at,
                               const int parts, int accumulate) {
  const ptrdiff_t ld = 2 * k->D;
  weighted_heads(dq, w, TILE_ROW, second, k, n, at, parts);
  for (int own = 0; own < 2; own++) {
    float *dkeys = (own ? down : dprefix) + at;
    const ptrdiff_t count = own ? k->S : k->F;
    ptrdiff_t j = 0;
    for (; j + HEAD_KEYS <= count; j += HEAD_KEYS, dkeys += HEAD_KEYS * ld, w += HEAD_KEYS, p += HEAD_KEYS) {
      key_gradients(dkeys, w, second, p, q, dy, k, n, HEAD_KEYS, parts, accumulate);
    }
    for (; j < count; j++, dkeys += ld, w++, p++) {
      key_gradients(dkeys, w, second, p, q, dy, k, n, 1, parts, accumulate);
    }
  }
}
