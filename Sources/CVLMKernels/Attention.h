// Attention: what tensor and dot attention share, the softmax and the walk over the keys.

/// exp x for x <= 0, to 2 ulp (1.1 measured over a third of all floats); below -104 it is 0, NaN stays.
///
/// x = n ln 2 + r with |r| <= ln 2 / 2, and exp x = 2^n exp r. With n whole and ln 2 = high + low, where `high` has 11
/// bits and n at most 8, x - n high is exact; exp r = 1 + r + r^2 q(r), where q of degree 4 interpolates at Chebyshev's
/// nodes: its relative error is 1.1e-8, 0.09 ulp, and the rest is rounding. 2^n is applied as 2^(n + 64), which is a
/// normal number, and 2^-64, since the result may be subnormal.
VLM_INLINE vf exponential(vf x) {
  const float whole = 0x1.8p23f;  // added, it leaves the nearest integer in the low bits
  x = choose(x < -104, splat(-104), x);
  vf shifted = x * 0x1.715476p+0f + whole;
  vf n = shifted - whole;
  vf r = x - n * 0x1.62cp-1f;
  r -= n * 0x1.217f7ep-12f;
  vf q = 0x1.120ba2p-7f + r * 0x1.6d113cp-10f;
  q = 0x1.55551ap-5f + r * q;
  q = 0x1.5554dcp-3f + r * q;
  q = 0x1p-1f + r * q;
  vf y = 1 + (r + (r * r) * q);
  return y * (vf)(((vi)shifted + (127 + 64)) << 23) * 0x1p-64f;  // the shift drops the bits of `whole`
}

/// probs = softmax(scores) of one row, which may be the same. Returns Σ exp(scores - max).
///
/// The part of a vector at the end stays in a register, filled up with -∞: what was stored in pieces would be slow to load.
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
  // exp 0 in the lanes beyond the row: of -∞ it would underflow, which processors are slow at.
  if (part > 0) last = only(exponential(only(last - *max, part, 0)), part, 0);
  vf total = part > 0 ? last : (vf){0};
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

/// The rows from component `at` of keys (`at` < D) or values (D + component).
VLM_INLINE matrix_rows key_rows(const keys *k, ptrdiff_t at) {
  return (matrix_rows){k->prefix + at, k->F, k->own + at, 2 * k->D};
}

/// probs_i = softmax of the scores in row i, 0 where masked.  probs (n, T).
static void softmax_visible(float *probs, const keys *k) {
  ptrdiff_t T = k->F + k->S;
  for (ptrdiff_t i = 0; i < k->n; i++) {
    float max;
    ptrdiff_t visible = visible_to(k, i);
    softmax(probs + i * T, probs + i * T, visible, &max);
    zero(probs + i * T + visible, T - visible);
  }
}

/// y = Σ_j weights_ij row_j over all keys, for `columns` components from `at` on.  weights (n, T).
static void weighted_rows(float *y, ptrdiff_t ldy, const float *weights, ptrdiff_t ldw, const keys *k, ptrdiff_t n,
                          ptrdiff_t at, ptrdiff_t columns) {
  ptrdiff_t ld = 2 * k->D;
  product(y, ldy, (left_factor){weights, ldw, 1}, k->prefix + at, ld, n, k->F, columns, 0);
  product(y, ldy, (left_factor){weights + k->F, ldw, 1}, k->own + at, ld, n, k->S, columns, 1);
}

enum {
  // Queries and keys of a block of backward: its tiles lie on the stack.
  BLOCK_QUERIES = 8,
  BLOCK_KEYS = 64,
};

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

/// dprobs_ij = dy_i . v_j for `count` keys from `first` on.  dprobs (n, BLOCK_KEYS).
static void probs_backward(float *dprobs, const float *dy, const keys *k, ptrdiff_t n, ptrdiff_t head, ptrdiff_t first,
                           ptrdiff_t count) {
  ptrdiff_t d = k->D / k->H, ld = 2 * k->D;
  matrix_rows values = key_rows(k, k->D + head * d);
  values.p += first * ld;
  values.first -= first;
  forward_product(dprobs, BLOCK_KEYS, dy + head * d, k->D, values, n, d, count, 0);
}

/// mean_i = Σ_l probs_il dprobs_il of one head, for `n` queries; probs at the first of them. Leaves dprobs of the last
/// block.
static void mean_dprobs(float *mean, float *dprobs, const float *dy, const float *probs, const keys *k, ptrdiff_t n,
                        ptrdiff_t head) {
  ptrdiff_t T = k->F + k->S;
  for (ptrdiff_t i = 0; i < n; i++) mean[i] = 0;
  for (ptrdiff_t j = 0; j < T; j += BLOCK_KEYS) {
    ptrdiff_t count = least(BLOCK_KEYS, T - j);
    probs_backward(dprobs, dy, k, n, head, j, count);
    for (ptrdiff_t i = 0; i < n; i++) mean[i] += dot(probs + i * T + j, dprobs + i * BLOCK_KEYS, count);
  }
}
