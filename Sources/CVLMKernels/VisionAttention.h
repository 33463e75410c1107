// VisionAttention: attention of the text over its own keys and over the vision keys of the first layer, which are not
// made: k_ip = scale_ip (kb_i + kw_p), v_ip = scale_ip (vb_i + vw_p).
//
// Part r of a query has with a vision key the dot product scale_ip D_r, where D_r = q_r · kb_i + q_r · kw_p. The second
// term is the same for all images with the same text, a run; the first, β_r, is the same for all keys. So a run has its
// dots once, and an image adds β_r to them; dy has with values the dot product scale_ip (γ + dy · vw_p), γ = dy · vb_i.
//
// Lanes are rows, a query in a head each: row t H + h is head h of the run's query t, so that q and y are matrices of
// rows with d components. Softmax and sums over keys then stay in their lanes. Keys and values, which differ by head,
// repeat after `period` lanes. Lanes beyond the rows have q = 0 and dy = 0, and so add 0 to everything.
//
// Sums over keys are in the order of keys, vision first, and sums over images in the order of images, run after run;
// rows are summed lane by lane, those `period` apart within the image, and at last the lanes of a head.

/// 2^x for x <= 0, subnormal or 0 below 2^-126, and 0 from x = -126.5 on; NaN stays.
///
/// x = n + r with |r| <= 1/2, and 2^r = 1 + r q(r), where q of degree 5 interpolates at Chebyshev's nodes: its relative
/// error is 0.9e-8, 0.15 of a rounding.
VLM_INLINE vf power_of_two(vf x) {
  const float whole = 0x1.8p23f + 127;  // added, it leaves n + 127, the exponent of 2^n, in the low bits
  x = choose(x < -127, splat(-127), x);
  vf shifted = x + whole;
  vf r = x - (shifted - whole);
  vf q = 0x1.5f0890p-10f + r * 0x1.44138ap-13f;
  q = 0x1.3b2a54p-7f + r * q;
  q = 0x1.c6af6cp-5f + r * q;
  q = 0x1.ebfbe0p-3f + r * q;
  q = 0x1.62e430p-1f + r * q;
  return (1 + r * q) * (vf)((vi)shifted << 23);
}

enum {
  // The heads of the default model, and their components: these have loops of their own.
  USUAL_HEADS = 4,
  USUAL_HEAD = 8,
  // Vectors of rows that are summed at once.
  MOST_VECTORS = 3,
};

/// The least common multiple of H and L, a power of two.
VLM_INLINE ptrdiff_t period_of(ptrdiff_t H) { return H / least(H & -H, L) * L; }

/// What the loops share.
typedef struct {
  ptrdiff_t F, D, H, R, W;
  /// Of the run: n queries, S text keys, and n H rows.
  ptrdiff_t n, S, rows;
  /// What scores are scaled by, besides scale_ip^R.
  float unit;
  /// (F + S, d, period): kw_p, then the text's keys; vw_p, then its values.  (2, d, period): kb and vb of the image.
  float *keys, *values, *image;
  /// (F), of the image: scale_ip, and scale_ip^R unit.
  const float *scale;
  float *factor;
  /// Vectors of rows, one behind the other.  (W / L, d, L): the run's queries, and the image's dy.  Of the image, too,
  /// (W / L, R, L): β.  (W / L, L): γ, and the mean Σ p g.
  float *queries, *dy, *beta, *gamma, *mean;
  /// (d, L): room for a vector of rows.
  float *turned;
} row_lanes;

/// Text keys that some row of the vector at lane `at` sees.
VLM_INLINE ptrdiff_t visible_text(const row_lanes *k, ptrdiff_t at, ptrdiff_t H) {
  return least(k->S, k->S - k->n + 1 + (at + L - 1) / H);
}

/// The first row that sees text key j.
VLM_INLINE ptrdiff_t first_row(const row_lanes *k, ptrdiff_t j, ptrdiff_t H) { return (j - (k->S - k->n)) * H; }

/// to_c = component at + c of the L rows, 0 in the lanes from `live` on, for d components.
VLM_INLINE void turn(float *to, ptrdiff_t apart, const float *const rows[L], ptrdiff_t at, const ptrdiff_t live,
                     const ptrdiff_t d) {
  ptrdiff_t c = 0;
  for (; c + 4 <= d; c += 4) {
    vf columns[4];
    transpose(columns, rows, at + c);
    for (int i = 0; i < 4; i++) store(to + (c + i) * apart, live == L ? columns[i] : only(columns[i], live, 0));
  }
  for (; c < d; c++) {
    for (ptrdiff_t o = 0; o < L; o++) to[c * apart + o] = o < live ? rows[o][at + c] : 0;
  }
}

/// to (d, L): the first L of x (rows, d).
VLM_INLINE void turn_rows(float *to, const float *x, ptrdiff_t rows, const ptrdiff_t d) {
  const float *from[L];
  if (rows >= L) {
    for (ptrdiff_t o = 0; o < L; o++) from[o] = x + o * d;
    turn(to, L, from, 0, L, d);
  } else {
    for (ptrdiff_t o = 0; o < L; o++) from[o] = x + least(o, rows - 1) * d;
    turn(to, L, from, 0, rows, d);
  }
}

/// Back again: x (rows, d), at most L of them.
VLM_INLINE void turn_back(float *x, const float *from, ptrdiff_t rows, const ptrdiff_t d) {
  VLM_FOR_VECTORS(c, part, d, {
    const float *components[L];
    for (ptrdiff_t o = 0; o < L; o++) components[o] = from + (c + least(o, part - 1)) * L;
    for (ptrdiff_t l = 0; l < rows; l += 4) {
      vf columns[4];
      transpose(columns, components, l);
      for (ptrdiff_t i = 0; i < 4 && l + i < rows; i++) put(x + (l + i) * d + c, columns[i], part);
    }
  });
}

/// Heads in lanes, again and again: to (count, d, period) for rows (count, 2, H, d), either their keys or their values.
VLM_INLINE void repeat_heads(float *to, const float *rows, ptrdiff_t count, const ptrdiff_t H, const ptrdiff_t d) {
  const ptrdiff_t period = period_of(H);
  for (ptrdiff_t l = 0; l < period; l += L) {
    const float *heads[L];
    for (ptrdiff_t o = 0; o < L; o++) heads[o] = rows + (l + o) % H * d;
    for (ptrdiff_t j = 0; j < count; j++) turn(to + j * d * period + l, period, heads, j * 2 * H * d, L, d);
  }
}

/// Back again: head h of a row is the sum of its lanes.
VLM_INLINE void add_heads(float *rows, const float *from, ptrdiff_t count, const ptrdiff_t H, const ptrdiff_t d) {
  const ptrdiff_t period = period_of(H);
  for (ptrdiff_t j = 0; j < count; j++, rows += 2 * H * d, from += d * period) {
    VLM_FOR_VECTORS(c, part, d, {
      const float *components[L];
      for (ptrdiff_t o = 0; o < L; o++) components[o] = from + (c + least(o, part - 1)) * period;
      // Of lanes beyond the last head, nothing is kept.
      for (ptrdiff_t h = 0; h < H; h += 4) {
        vf total[4];
        transpose(total, components, h);
        for (ptrdiff_t l = h + H; l < period; l += H) {
          vf more[4];
          transpose(more, components, l);
          for (int i = 0; i < 4; i++) total[i] += more[i];
        }
        for (ptrdiff_t i = 0; i < 4 && h + i < H; i++) put(rows + (h + i) * d + c, total[i], part);
      }
    });
  }
}

/// Both for keys and for values, with constants for the heads of the default model.
static void repeat_rows(float *keys, float *values, const float *rows, ptrdiff_t count, ptrdiff_t H, ptrdiff_t d) {
  for (int is_value = 0; is_value < 2; is_value++, rows += H * d, keys = values) {
    if (H == USUAL_HEADS && d == USUAL_HEAD) repeat_heads(keys, rows, count, USUAL_HEADS, USUAL_HEAD);
    else repeat_heads(keys, rows, count, H, d);
  }
}

static void add_rows(float *rows, const float *keys, const float *values, ptrdiff_t count, ptrdiff_t H, ptrdiff_t d) {
  for (int is_value = 0; is_value < 2; is_value++, rows += H * d, keys = values) {
    if (H == USUAL_HEADS && d == USUAL_HEAD) add_heads(rows, keys, count, USUAL_HEADS, USUAL_HEAD);
    else add_heads(rows, keys, count, H, d);
  }
}

/// Σ_c a_c b_c in each lane, for n vectors of a, one behind the other, and of b.
VLM_INLINE vf dot_of_lanes(const float *a, const float *b, ptrdiff_t apart, const ptrdiff_t n) {
  vf s = {0};
  for (ptrdiff_t c = 0; c < n; c++) s += load(a + c * L) * load(b + c * apart);
  return s;
}

/// A function whose last arguments d, R and the period are constants for the shapes of the default model.
#define VLM_USUAL_OR_ANY(function, k, ...)                                              \
  do {                                                                                  \
    const ptrdiff_t d = (k)->D / (k)->H, R = (k)->R, period = period_of((k)->H);        \
    const int usual = d == USUAL_HEAD && period == L;                                   \
    if (usual && R == 2) function(k, __VA_ARGS__, USUAL_HEAD, 2, L);                    \
    else if (usual && R == 1) function(k, __VA_ARGS__, USUAL_HEAD, 1, L);               \
    else function(k, __VA_ARGS__, d, R, period);                                        \
  } while (0)

/// For the rows from lane `at` on: `body` sees `count`, a constant number of vectors. There are several at once if they
/// have the same keys in the same lanes.
#define VLM_FOR_ROWS(at, count, first, rows, period, ...)                \
  do {                                                                   \
    ptrdiff_t at = (first);                                              \
    for (; (period) == L && at + 2 * L < (rows); at += 3 * L) {          \
      enum { count = 3 };                                                \
      __VA_ARGS__                                                        \
    }                                                                    \
    for (; (period) == L && at + L < (rows); at += 2 * L) {              \
      enum { count = 2 };                                                \
      __VA_ARGS__                                                        \
    }                                                                    \
    for (; at < (rows); at += L) {                                       \
      enum { count = 1 };                                                \
      __VA_ARGS__                                                        \
    }                                                                    \
  } while (0)

/// Room for `count` numbers of the scratch, from a multiple of a vector's size on if the scratch begins there.
static float *take(float **scratch, ptrdiff_t count) {
  float *room = *scratch;
  *scratch += (count + L - 1) / L * L;
  return room;
}

/// The scratch from a multiple of 64 bytes on: a vector that lies in two lines of the cache takes twice as long.
static float *aligned(float *scratch) { return scratch + (-((uintptr_t)scratch / sizeof(float)) & 15); }

/// The largest number of keys of a run.
static ptrdiff_t most_keys(const int32_t *runs, ptrdiff_t count, ptrdiff_t F) {
  ptrdiff_t most = 0;
  for (ptrdiff_t run = 0; run < count; run++) most = runs[3 * run + 2] > most ? runs[3 * run + 2] : most;
  return F + most;
}

/// What forward and backward have, with keys and values of the positions.
static row_lanes lanes_in(float **scratch, const float *positions, ptrdiff_t keys, ptrdiff_t F, ptrdiff_t D,
                          ptrdiff_t H, ptrdiff_t R, ptrdiff_t W, float unit) {
  row_lanes k = {.F = F, .D = D, .H = H, .R = R, .W = W, .unit = unit * score_scale(D / H, R)};
  const ptrdiff_t d = D / H, key = d * period_of(H);
  *scratch = aligned(*scratch);
  k.keys = take(scratch, keys * key);
  k.values = take(scratch, keys * key);
  k.image = take(scratch, 2 * key);
  k.factor = take(scratch, F);
  k.queries = take(scratch, d * W);
  repeat_rows(k.keys, k.values, positions, F, H, d);
  return k;
}

/// The run's keys, values and queries.
static void begin_run(row_lanes *k, const float *q, const float *text, const int32_t *run) {
  const ptrdiff_t d = k->D / k->H, key = d * period_of(k->H);
  k->n = run[1];
  k->S = run[2];
  k->rows = k->n * k->H;
  repeat_rows(k->keys + k->F * key, k->values + k->F * key, text, k->S, k->H, d);
  for (ptrdiff_t at = 0; at < k->rows; at += L) turn_rows(k->queries + at * d, q + at * d, k->rows - at, d);
}

/// dots (F + S, W / L, R, L): q_r · kw_p, and q_r · k_j of the text.
VLM_INLINE void run_dots(const row_lanes *k, float *restrict dots, const ptrdiff_t d, const ptrdiff_t R,
                         const ptrdiff_t period) {
  const ptrdiff_t depth = d / R;
  for (ptrdiff_t at = 0; at < k->rows; at += L) {
    const float *query = k->queries + at * d, *key = k->keys + at % period;
    float *dot = dots + at * R;
    VLM_UNROLL(2)
    for (ptrdiff_t j = 0; j < k->F + k->S; j++, key += d * period, dot += R * k->W) {
      for (ptrdiff_t r = 0; r < R; r++) {
        store(dot + r * L, dot_of_lanes(query + r * depth * L, key + r * depth * period, period, depth));
      }
    }
  }
}

/// The image's kb, vb and factors.
static void begin_image(row_lanes *k, const float *image, const float *scale) {
  const ptrdiff_t d = k->D / k->H;
  k->scale = scale;
  repeat_rows(k->image, k->image + d * period_of(k->H), image, 1, k->H, d);
  VLM_FOR_VECTORS(p, part, k->F, {
    const vf s = get(scale + p, part);
    vf power = k->unit * s;
    for (ptrdiff_t r = 1; r < k->R; r++) power *= s;
    put(k->factor + p, power, part);
  });
}

/// The scores of a vector of rows, in the place of probs; their largest.
VLM_INLINE vf vector_scores(const row_lanes *k, float *scores, const float *dots, ptrdiff_t at, ptrdiff_t visible,
                            const ptrdiff_t d, const ptrdiff_t R, const ptrdiff_t period) {
  const ptrdiff_t F = k->F, W = k->W, depth = d / R;
  const float *factor = k->factor;
  vf beta[MOST_PARTS], most = splat(-INFINITY);
  for (ptrdiff_t r = 0; r < R; r++) {
    const ptrdiff_t c = r * depth;
    beta[r] = dot_of_lanes(k->queries + at * d + c * L, k->image + c * period + at % period, period, depth);
  }
  VLM_UNROLL(4)
  for (ptrdiff_t p = 0; p < F; p++, scores += W, dots += R * W) {
    vf score = splat(factor[p]);
    for (ptrdiff_t r = 0; r < R; r++) score *= beta[r] + load(dots + r * L);
    store(scores, score);
    most = choose(score > most, score, most);
  }
  for (ptrdiff_t j = 0; j < visible; j++, scores += W, dots += R * W) {
    vf score = splat(k->unit);
    for (ptrdiff_t r = 0; r < R; r++) score *= load(dots + r * L);
    const ptrdiff_t first = first_row(k, j, k->H);
    if (first > at) score = choose(lane_numbers() < (int32_t)(first - at), splat(-INFINITY), score);
    store(scores, score);
    most = choose(score > most, score, most);
  }
  return most;
}

/// e_j = 2^(score_j - most) in the scores' place; 1 / Σ e.
VLM_INLINE vf vector_powers(float *scores, ptrdiff_t W, ptrdiff_t keys, vf most) {
  vf z = {0};
  VLM_UNROLL(2)
  for (ptrdiff_t j = 0; j < keys; j++, scores += W) {
    const vf e = power_of_two(load(scores) - most);
    store(scores, e);
    z += e;
  }
  return 1 / z;
}

/// With p_j = e_j by, in its place:  y_c = Σ_p p_p scale_p (vb_c + vw_pc) + Σ_j p_j v_jc, for `count` (a constant)
/// components from c on.
VLM_INLINE void vector_values(const row_lanes *k, float *e, vf by, ptrdiff_t at, ptrdiff_t visible, ptrdiff_t c,
                              const ptrdiff_t d, const ptrdiff_t period, const int count) {
  const ptrdiff_t F = k->F, W = k->W, l = at % period;
  const float *scale = k->scale, *value = k->values + c * period + l;
  vf y[USUAL_HEAD] = {0}, alpha = {0};
  VLM_UNROLL(2)
  for (ptrdiff_t p = 0; p < F; p++, e += W, value += d * period) {
    const vf prob = load(e) * by, w = prob * scale[p];
    store(e, prob);
    alpha += w;
    for (int i = 0; i < count; i++) y[i] += w * load(value + i * period);
  }
  for (ptrdiff_t j = 0; j < visible; j++, e += W, value += d * period) {
    const vf prob = load(e) * by;
    store(e, prob);
    for (int i = 0; i < count; i++) y[i] += prob * load(value + i * period);
  }
  for (int i = 0; i < count; i++) {
    store(k->turned + (c + i) * L, y[i] + alpha * load(k->image + (d + c + i) * period + l));
  }
}

/// y (n, D) and probs (F + S, W) of one image.
VLM_INLINE void image_forward(const row_lanes *k, float *y, float *probs, const float *dots, const ptrdiff_t d,
                              const ptrdiff_t R, const ptrdiff_t period) {
  const ptrdiff_t W = k->W;
  for (ptrdiff_t at = 0; at < k->rows; at += L, probs += L) {
    const ptrdiff_t visible = visible_text(k, at, k->H), keys = k->F + visible;
    const vf most = vector_scores(k, probs, dots + at * R, at, visible, d, R, period);
    const vf inverse = vector_powers(probs, W, keys, most);
    for (ptrdiff_t c = 0; c < d;) {
      const vf by = c > 0 ? splat(1) : inverse;
      const int many = d - c >= USUAL_HEAD;
      if (many) vector_values(k, probs, by, at, visible, c, d, period, USUAL_HEAD);
      else vector_values(k, probs, by, at, visible, c, d, period, 1);
      c += many ? USUAL_HEAD : 1;
    }
    turn_back(y + at * d, k->turned, least(L, k->rows - at), d);
    for (ptrdiff_t j = keys; j < k->F + k->S; j++) store(probs + j * W, (vf){0});
  }
}

static void vision_attention_forward(float *y, float *probs, float *dots, float *scratch, const float *images,
                                     const float *positions, const float *scale, const float *q, const float *text,
                                     const int32_t *runs, ptrdiff_t count, ptrdiff_t F, ptrdiff_t D, ptrdiff_t H,
                                     ptrdiff_t R, ptrdiff_t W) {
  const float log2_e = 0x1.715476p+0f;  // the softmax takes powers of two
  row_lanes k = lanes_in(&scratch, positions, most_keys(runs, count, F), F, D, H, R, W, log2_e);
  k.turned = take(&scratch, D / H * L);
  for (ptrdiff_t run = 0; run < count; run++, runs += 3) {
    begin_run(&k, q, text, runs);
    VLM_USUAL_OR_ANY(run_dots, &k, dots);
    for (ptrdiff_t i = 0; i < runs[0]; i++, images += 2 * D, scale += F, y += k.n * D, probs += (F + k.S) * W) {
      begin_image(&k, images, scale);
      VLM_USUAL_OR_ANY(image_forward, &k, y, probs, dots);
    }
    q += k.n * D;
    text += k.S * 2 * D;
    dots += (F + k.S) * R * W;
  }
}

/// The sums that a backward has: gradients, or what the published program takes for those of images and positions.
typedef struct {
  /// As keys and values, of all runs, but of the text of this one; and as the image.
  float *keys, *values, *image;
  /// As the run's dots: the gradients of D_r.  As β and γ, of the image: their sums over the vision, and Σ p scale.
  float *dots, *beta, *alpha;
} vision_sums;

static vision_sums sums_in(float **scratch, const row_lanes *k, ptrdiff_t keys) {
  const ptrdiff_t key = k->D / k->H * period_of(k->H);
  vision_sums s;
  s.keys = take(scratch, keys * key);
  s.values = take(scratch, keys * key);
  s.image = take(scratch, 2 * key);
  s.dots = take(scratch, keys * k->R * k->W);
  s.beta = take(scratch, k->R * k->W);
  s.alpha = take(scratch, k->W);
  zero(s.keys, k->F * key);
  zero(s.values, k->F * key);
  return s;
}

/// β, γ, dy and the mean of one image.
VLM_INLINE void image_rows(const row_lanes *k, const float *dy, const float *y, const ptrdiff_t d, const ptrdiff_t R,
                           const ptrdiff_t period) {
  const ptrdiff_t depth = d / R;
  for (ptrdiff_t at = 0; at < k->rows; at += L) {
    const float *image = k->image + at % period;
    float *turned = k->dy + at * d;
    turn_rows(turned, dy + at * d, k->rows - at, d);
    turn_rows(k->turned, y + at * d, k->rows - at, d);
    store(k->mean + at, dot_of_lanes(turned, k->turned, L, d));
    store(k->gamma + at, dot_of_lanes(turned, image + d * period, period, d));
    for (ptrdiff_t r = 0; r < R; r++) {
      const ptrdiff_t c = r * depth;
      store(k->beta + at * R + r * L, dot_of_lanes(k->queries + at * d + c * L, image + c * period, period, depth));
    }
  }
}

/// sums_c += Σ_i w_i x_ic over `count` vectors of rows, for n of their d components.
VLM_INLINE void add_products(float *sums, ptrdiff_t period, const vf *w, const float *x, const ptrdiff_t n,
                             const ptrdiff_t d, const int count) {
  for (ptrdiff_t c = 0; c < n; c++) {
    vf s = load(sums + c * period);
    for (int i = 0; i < count; i++) s += w[i] * load(x + (i * d + c) * L);
    store(sums + c * period, s);
  }
}

/// What a vector of rows, at lane `at`, gives to the sums with keys first ..< end, all of the vision or all of the text.
/// With g = scale (γ + dy · value), x = p (g - mean) factor and G_r = x ∏_{s ≠ r} D_s:
///   ddots_r += G_r;  along += p g + R x D_1 ... D_R (F, L);  dβ_r = Σ G_r over the vision.
/// published: G_r / scale^2 for G_r, and no `along`.
VLM_INLINE void dots_backward(const row_lanes *k, float *restrict ddots, float *restrict dbeta, float *restrict along,
                              const float *probs, const float *dots, ptrdiff_t first, ptrdiff_t end, ptrdiff_t at,
                              const int in_vision, const int published, const ptrdiff_t d, const ptrdiff_t R,
                              const ptrdiff_t period) {
  const ptrdiff_t W = k->W, row = R * W;
  const float *dy = k->dy + at * d, *beta = k->beta + at * R, *value = k->values + first * d * period + at % period;
  const float *scale = k->scale, *factor = k->factor;
  const vf mean = load(k->mean + at), gamma = load(k->gamma + at);
  vf total[MOST_PARTS] = {0};
  probs += first * W + at;
  dots += first * row + at * R;
  ddots += first * row + at * R;
  for (ptrdiff_t j = first; j < end; j++, probs += W, dots += row, ddots += row, value += d * period) {
    const vf p = load(probs);
    vf g = in_vision ? gamma : (vf){0}, D[MOST_PARTS];
    for (ptrdiff_t c = 0; c < d; c++) g += load(dy + c * L) * load(value + c * period);
    if (in_vision) g *= scale[j];
    const vf x = (g - mean) * (p * (in_vision ? factor[j] : k->unit));
    for (ptrdiff_t r = 0; r < R; r++) {
      D[r] = load(dots + r * L);
      if (in_vision) D[r] += load(beta + r * L);
    }
    for (ptrdiff_t r = 0; r < R; r++) {
      vf G = x;
      for (ptrdiff_t o = 0; o < R; o++) {
        if (o != r) G *= D[o];
      }
      if (r == 0 && in_vision && !published) {
        store(along + j * L, load(along + j * L) + p * g + (float)R * G * D[0]);
      }
      if (published) G *= 1 / (scale[j] * scale[j]);
      store(ddots + r * L, load(ddots + r * L) + G);
      total[r] += G;
    }
  }
  for (ptrdiff_t r = 0; in_vision && r < R; r++) store(dbeta + at * R + r * L, total[r]);
}

/// The same for values, and for `count` vectors of rows:  dvalue += Σ p scale dy;  α = Σ p scale over the vision.
/// published: p / scale for p scale.
VLM_INLINE void values_backward(const row_lanes *k, const vision_sums *s, const float *probs, ptrdiff_t first,
                                ptrdiff_t end, ptrdiff_t at, const int count, const int in_vision, const int published,
                                const ptrdiff_t d, const ptrdiff_t period) {
  float *dvalue = s->values + first * d * period + at % period;
  vf alpha[MOST_VECTORS] = {0}, w[MOST_VECTORS];
  probs += first * k->W + at;
  for (ptrdiff_t j = first; j < end; j++, probs += k->W, dvalue += d * period) {
    for (int i = 0; i < count; i++) {
      w[i] = load(probs + i * L);
      if (in_vision) w[i] *= published ? 1 / k->scale[j] : k->scale[j];
      alpha[i] += w[i];
    }
    add_products(dvalue, period, w, k->dy + at * d, d, d, count);
  }
  for (int i = 0; in_vision && i < count; i++) store(s->alpha + at + i * L, alpha[i]);
}

/// The sums of one image, but for what end_image does; published: of the vision, those that the published program has.
VLM_INLINE void image_backward(const row_lanes *k, const vision_sums *s, float *along, const float *probs,
                               const float *dots, const int published, const ptrdiff_t d, const ptrdiff_t R,
                               const ptrdiff_t period) {
  const ptrdiff_t F = k->F, S = k->S;
  for (ptrdiff_t at = 0; at < k->rows; at += L) {
    dots_backward(k, s->dots, s->beta, along, probs, dots, 0, F, at, 1, published, d, R, period);
    if (published) continue;
    const ptrdiff_t end = F + visible_text(k, at, k->H);
    dots_backward(k, s->dots, s->beta, along, probs, dots, F, end, at, 0, 0, d, R, period);
  }
  VLM_FOR_ROWS(at, count, 0, k->rows, period, {
    values_backward(k, s, probs, 0, F, at, count, 1, published, d, period);
    if (!published) values_backward(k, s, probs, F, F + S, at, count, 0, 0, d, period);
  });
}

/// dkb_r = Σ dβ_r q_r and dvb = Σ α dy in dimage, and dq_r += dβ_r kb_r unless dq is NULL.
VLM_INLINE void end_image(const row_lanes *k, const vision_sums *s, float *dimage, float *dq, const ptrdiff_t d,
                          const ptrdiff_t R, const ptrdiff_t period) {
  const ptrdiff_t depth = d / R;
  zero(s->image, 2 * d * period);
  for (ptrdiff_t at = 0; at < k->rows; at += L) {
    float *sums = s->image + at % period;
    const vf alpha = load(s->alpha + at);
    add_products(sums + d * period, period, &alpha, k->dy + at * d, d, d, 1);
    for (ptrdiff_t r = 0; r < R; r++) {
      const vf dbeta = load(s->beta + at * R + r * L);
      add_products(sums + r * depth * period, period, &dbeta, k->queries + (at * d + r * depth * L), depth, d, 1);
      for (ptrdiff_t c = r * depth; dq && c < (r + 1) * depth; c++) {
        float *to = dq + at * d + c * L;
        store(to, load(to) + dbeta * load(k->image + c * period + at % period));
      }
    }
  }
  add_rows(dimage, s->image, s->image + d * period, 1, k->H, d);
}

/// dscale_p = Σ of the lanes of along_p / scale_p.
static void add_lanes(float *dscale, const float *along, const float *scale, ptrdiff_t F) {
  ptrdiff_t p = 0;
  for (; p + 4 <= F; p += 4, along += 4 * L) {
    const v4 four = sums(load(along), load(along + L), load(along + 2 * L), load(along + 3 * L)) / load4(scale + p);
    __builtin_memcpy(dscale + p, &four, sizeof four);
  }
  for (; p < F; p++, along += L) dscale[p] = sum(load(along)) / scale[p];
}

/// dq_c += Σ_j ddots_jr key_jc of a vector of rows, for `count` (a constant) components of part r.
VLM_INLINE void vector_queries(float *dq, const float *ddots, const float *keys, const row_lanes *k, ptrdiff_t apart,
                               const ptrdiff_t R, const ptrdiff_t period, const int count) {
  const ptrdiff_t T = k->F + k->S, W = k->W;
  vf s[4];
  for (int i = 0; i < count; i++) s[i] = load(dq + i * L);
  VLM_UNROLL(4)
  for (ptrdiff_t j = 0; j < T; j++, ddots += R * W, keys += apart) {
    const vf G = load(ddots);
    for (int i = 0; i < count; i++) s[i] += G * load(keys + i * period);
  }
  for (int i = 0; i < count; i++) store(dq + i * L, s[i]);
}

/// What the dots' gradients give to those of the run's queries, unless dq is NULL, and to the keys' sums, of the vision
/// alone if it is: dq_r += Σ_j ddots_jr key_jr;  dkey_jr += Σ ddots_jr q_r.
VLM_INLINE void end_run(const row_lanes *k, const vision_sums *s, float *dq, const ptrdiff_t d, const ptrdiff_t R,
                        const ptrdiff_t period) {
  const ptrdiff_t W = k->W, depth = d / R, size = d * period, keys = k->F + (dq ? k->S : 0);
  for (ptrdiff_t at = 0; dq && at < k->rows; at += L) {
    for (ptrdiff_t r = 0; r < R; r++) {
      const float *ddots = s->dots + at * R + r * L, *key = k->keys + r * depth * period + at % period;
      float *to = dq + at * d + r * depth * L;
      ptrdiff_t c = 0;
      for (; c + 4 <= depth; c += 4) vector_queries(to + c * L, ddots, key + c * period, k, size, R, period, 4);
      for (; c < depth; c++) vector_queries(to + c * L, ddots, key + c * period, k, size, R, period, 1);
    }
  }
  VLM_FOR_ROWS(at, count, 0, k->rows, period, {
    const float *ddots = s->dots + at * R;
    float *dkey = s->keys + at % period;
    for (ptrdiff_t j = 0; j < keys; j++, ddots += R * W, dkey += size) {
      for (ptrdiff_t r = 0; r < R; r++) {
        vf G[MOST_VECTORS];
        for (int i = 0; i < count; i++) G[i] = load(ddots + (i * R + r) * L);
        add_products(dkey + r * depth * period, period, G, k->queries + (at * d + r * depth * L), depth, d, count);
      }
    }
  });
}

static void vision_attention_backward(float *dq, float *dtext, float *dimages, float *dpositions, float *dscale,
                                      float *published_images, float *published_positions, float *scratch,
                                      const float *dy, const float *y, const float *probs, const float *dots,
                                      const float *images, const float *positions, const float *scale, const float *q,
                                      const float *text, const int32_t *runs, ptrdiff_t count, ptrdiff_t F,
                                      ptrdiff_t D, ptrdiff_t H, ptrdiff_t R, ptrdiff_t W, int published) {
  const ptrdiff_t d = D / H, key = d * period_of(H), keys = most_keys(runs, count, F);
  row_lanes k = lanes_in(&scratch, positions, keys, F, D, H, R, W, 1);
  k.dy = take(&scratch, d * W);
  k.beta = take(&scratch, R * W);
  k.gamma = take(&scratch, W);
  k.mean = take(&scratch, W);
  float *dqueries = take(&scratch, d * W), *along = take(&scratch, F * L);
  const vision_sums s = sums_in(&scratch, &k, keys), other = published ? sums_in(&scratch, &k, keys) : s;
  k.turned = take(&scratch, d * L);
  for (ptrdiff_t run = 0; run < count; run++, runs += 3) {
    begin_run(&k, q, text, runs);
    const ptrdiff_t dot_count = (F + k.S) * R * W;
    zero(s.keys + F * key, k.S * key);
    zero(s.values + F * key, k.S * key);
    zero(s.dots, dot_count);
    zero(dqueries, d * W);
    if (published) zero(other.dots, dot_count);
    for (ptrdiff_t i = 0; i < runs[0]; i++) {
      begin_image(&k, images, scale);
      VLM_USUAL_OR_ANY(image_rows, &k, dy, y);
      zero(along, F * L);
      VLM_USUAL_OR_ANY(image_backward, &k, &s, along, probs, dots, 0);
      VLM_USUAL_OR_ANY(end_image, &k, &s, dimages, dqueries);
      add_lanes(dscale, along, scale, F);
      if (published) {
        VLM_USUAL_OR_ANY(image_backward, &k, &other, NULL, probs, dots, 1);
        VLM_USUAL_OR_ANY(end_image, &k, &other, published_images, NULL);
        published_images += 2 * D;
      }
      images += 2 * D;
      dimages += 2 * D;
      scale += F;
      dscale += F;
      dy += k.n * D;
      y += k.n * D;
      probs += (F + k.S) * W;
    }
    VLM_USUAL_OR_ANY(end_run, &k, &s, dqueries);
    if (published) VLM_USUAL_OR_ANY(end_run, &k, &other, NULL);
    for (ptrdiff_t at = 0; at < k.rows; at += L) turn_back(dq + at * d, dqueries + at * d, least(L, k.rows - at), d);
    add_rows(dtext, s.keys + F * key, s.values + F * key, k.S, H, d);
    q += k.n * D;
    dq += k.n * D;
    text += k.S * 2 * D;
    dtext += k.S * 2 * D;
    dots += dot_count;
  }
  add_rows(dpositions, s.keys, s.values, F, H, d);
  if (published) add_rows(published_positions, other.keys, other.values, F, H, d);
}
