// VisionAttention: attention of the text over its own keys and over the vision keys of the first layer, which are not
// made: k_ip = scale_ip (kb_i + kw_p), v_ip = scale_ip (vb_i + vw_p).
//
// Part r of a query has with a vision key the dot product scale_ip D_r, where D_r = q_r · kb_i + q_r · kw_p. Its second
// term is the same for all images with the same text, a run, and the first is the same for all keys. So lanes are keys,
// the run's second terms are made once, and an image adds one number to them. Text keys are lanes too, of scale 1 and
// with no first term.

/// 2^x for x <= 0: below 2^-126 it is 0; NaN stays.
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
  // A head of so many components, in the default model, has loops of its own.
  USUAL_HEAD = 8,
  // Whole vectors of its 28 vision positions, which one or two vectors with its text follow.
  USUAL_WHOLE = 28 / L,
  MOST_VECTORS = USUAL_WHOLE + 2,
  // Vectors of an image's lanes, for each vector of keys.
  SCALE = 0,
  FACTOR = L,
  VISION = 2 * L,
  ALONG = 3 * L,
  LANE_ROW = 4 * L,
};

/// What the loops share: the sizes, and what has a lane for each of up to W keys. Where there are several vectors for
/// the same keys they stand together, so that they are a constant apart.
typedef struct {
  ptrdiff_t F, D, H, R, W;
  /// Of the run: n queries, S text keys, and the vectors that hold all keys.
  ptrdiff_t n, S, vectors;
  /// (2 H, vectors, d, L): the components of kw_p and vw_p, then of the text's keys and values, then 0.
  float *table;
  /// (vectors, 4, L), of the image: scale_ip, that of text being 1; scale_ip^R times what scores are scaled by; all
  /// bits 1 in the lanes of vision; in backward Σ p g + R x D_1 ... D_R.
  float *image;
  /// (n, depth, H R): queries with their parts side by side.
  float *queries;
  /// (n, H R): q_r · kb_i, for query and part.
  float *beta;
} lanes;

/// Which vectors a loop takes: `whole` ones of vision alone, then `rest` with text among them. Constants where that
/// pays.
typedef struct {
  ptrdiff_t whole, rest;
} extent;

VLM_INLINE ptrdiff_t vectors_of(extent e) { return e.whole + e.rest; }

/// Keys that query t of the run sees.
VLM_INLINE ptrdiff_t visible_keys(const lanes *k, ptrdiff_t t) { return k->F + k->S - k->n + t + 1; }

/// x in the lanes of vision, 0 elsewhere.
VLM_INLINE vf masked(vf x, vf vision) { return (vf)((vi)x & (vi)vision); }

VLM_INLINE const float *key_row(const float *vision, ptrdiff_t F, const float *text, ptrdiff_t width, ptrdiff_t j) {
  return j < F ? vision + j * width : text + (j - F) * width;
}

/// The table's lanes from `first` on, a multiple of L: rows of F positions and of S keys of text, then 0.
static void fill_table(const lanes *k, ptrdiff_t first, const float *positions, const float *text) {
  const ptrdiff_t F = k->F, T = F + k->S, D = k->D, d = D / k->H;
  for (ptrdiff_t j = first; j < T; j += L) {
    const ptrdiff_t live = least(L, T - j);
    const float *rows[L];
    for (ptrdiff_t o = 0; o < L; o++) rows[o] = key_row(positions, F, text, 2 * D, j + least(o, live - 1));
    float *to = k->table + j * d;
    for (ptrdiff_t at = 0; at < 2 * D; at += d, to += d * k->W) {
      ptrdiff_t c = 0;
      for (; c + 4 <= d; c += 4) {
        vf columns[4];
        transpose(columns, rows, at + c);
        for (int i = 0; i < 4; i++) store(to + (c + i) * L, only(columns[i], live, 0));
      }
      for (; c < d; c++) {
        for (ptrdiff_t o = 0; o < L; o++) to[c * L + o] = o < live ? rows[o][at + c] : 0;
      }
    }
  }
}

/// Rows of a table's lanes from key `first` to `last`.  rows (last - first, 2 D).
static void read_table(float *rows, const float *table, ptrdiff_t first, ptrdiff_t last, const lanes *k) {
  const ptrdiff_t D = k->D, d = D / k->H;
  for (ptrdiff_t j = first / 4 * 4; j < last; j += 4) {
    const float *from = table + j / L * L * d;
    for (ptrdiff_t at = 0; at < 2 * D; at += d, from += d * k->W) {
      VLM_FOR_VECTORS(c, part, d, {
        const float *components[L];
        for (ptrdiff_t o = 0; o < L; o++) components[o] = from + (c + least(o, part - 1)) * L;
        vf keys[4];
        transpose(keys, components, j % L);
        for (ptrdiff_t i = 0; i < 4; i++) {
          if (j + i >= first && j + i < last) put(rows + (j + i - first) * 2 * D + at + c, keys[i], part);
        }
      });
    }
  }
}

/// out_i = Σ_t a_it rows_t, or added to out, for n rows of out in every one of `vectors` vectors of keys; terms and
/// vectors are constants where that pays.
VLM_INLINE void product_of_vectors(float *out, ptrdiff_t ldo, ptrdiff_t out_apart, left_factor a, const float *rows,
                                   ptrdiff_t ldr, ptrdiff_t rows_apart, ptrdiff_t n, const ptrdiff_t terms,
                                   int accumulate, const int vectors) {
  for (ptrdiff_t i = 0; i < n; i++, out += ldo, a.p += a.row) {
    vf s[MOST_VECTORS];
    for (int v = 0; v < vectors; v++) s[v] = accumulate ? load(out + v * out_apart) : (vf){0};
    for (ptrdiff_t t = 0; t < terms; t++) {
      const vf factor = splat(a.p[t * a.term]);
      for (int v = 0; v < vectors; v++) s[v] += factor * load(rows + t * ldr + v * rows_apart);
    }
    for (int v = 0; v < vectors; v++) store(out + v * out_apart, s[v]);
  }
}

/// The same, for any number of vectors.
static void lane_product(float *out, ptrdiff_t ldo, ptrdiff_t out_apart, left_factor a, const float *rows,
                         ptrdiff_t ldr, ptrdiff_t rows_apart, ptrdiff_t vectors, ptrdiff_t n, ptrdiff_t terms, int accumulate) {
  enum { less = USUAL_WHOLE + 1, more = USUAL_WHOLE + 2 };
#define VLM_PRODUCT(terms, vectors) \
  product_of_vectors(out, ldo, out_apart, a, rows, ldr, rows_apart, n, terms, accumulate, vectors)
  if (vectors == less && terms == 4) VLM_PRODUCT(4, less);
  else if (vectors == more && terms == 4) VLM_PRODUCT(4, more);
  else if (vectors == more && terms == 5) VLM_PRODUCT(5, more);
  else if (vectors == more && terms == 6) VLM_PRODUCT(6, more);
  else {
    for (; vectors > 0; vectors--, out += out_apart, rows += rows_apart) VLM_PRODUCT(terms, 1);
  }
#undef VLM_PRODUCT
}

/// The arrays of `lanes`, one behind the other in the scratch, for at most n queries.
static lanes lanes_in(float **scratch, ptrdiff_t n, ptrdiff_t F, ptrdiff_t D, ptrdiff_t H, ptrdiff_t R, ptrdiff_t W) {
  lanes k = {F, D, H, R, W, 0, 0, 0, NULL, NULL, NULL, NULL};
  k.table = *scratch;
  k.image = k.table + 2 * D * W;
  k.queries = k.image + 4 * W;
  k.beta = k.queries + n * D;
  *scratch = k.beta + n * H * R;
  for (ptrdiff_t j = 0; j < W; j += L) store(k.image + j * 4 + VISION, (vf)(lane_numbers() < (int32_t)(F - j)));
  return k;
}

/// to_cp = from_pc for each row: `count` groups of `size` components.
static void interleave(float *to, const float *from, ptrdiff_t rows, ptrdiff_t count, ptrdiff_t size) {
  for (ptrdiff_t i = 0; i < rows; i++, to += count * size, from += count * size) {
    VLM_FOR_VECTORS(p, part, count, {
      const float *groups[L];
      for (ptrdiff_t o = 0; o < L; o++) groups[o] = from + (p + least(o, part - 1)) * size;
      ptrdiff_t c = 0;
      for (; c + 4 <= size; c += 4) {
        vf columns[4];
        transpose(columns, groups, c);
        for (ptrdiff_t e = 0; e < 4; e++) put(to + (c + e) * count + p, columns[e], part);
      }
      for (; c < size; c++) {
        for (ptrdiff_t o = 0; o < part; o++) to[c * count + p + o] = groups[o][c];
      }
    });
  }
}

/// Table, queries and the dots of a run. Vectors that hold no text are the same for all runs.
static void begin_run(lanes *k, const float *positions, const float *q, const float *text, const int32_t *run,
                      int is_first) {
  const ptrdiff_t F = k->F, parts = k->H * k->R;
  k->n = run[1];
  k->S = run[2];
  k->vectors = (F + k->S + L - 1) / L;
  fill_table(k, is_first ? 0 : F / L * L, positions, text);
  interleave(k->queries, q, k->n, parts, k->D / parts);
}

/// (n, H, vectors, R, L): q_r · kw_p, and q_r · k_j of the text.
static void run_dots(float *dots, const float *q, const lanes *k) {
  const ptrdiff_t D = k->D, W = k->W, R = k->R, d = D / k->H, depth = d / R;
  for (ptrdiff_t h = 0; h < k->H; h++) {
    for (ptrdiff_t r = 0; r < R; r++) {
      lane_product(dots + h * R * W + r * L, k->H * R * W, R * L, (left_factor){q + h * d + r * depth, D, 1},
                   k->table + h * d * W + r * depth * L, L, d * L, k->vectors, k->n, depth, 0);
    }
  }
}

/// The image's beta, from its kb with the parts side by side; `depth` is a constant where that pays.
VLM_INLINE void image_dots(const lanes *k, const float *image, const ptrdiff_t depth) {
  const ptrdiff_t parts = k->H * k->R, n = k->n;
  VLM_FOR_VECTORS(p, part, parts, {
    const float *query = k->queries + p;
    float *beta = k->beta + p;
    for (ptrdiff_t t = 0; t < n; t++, query += depth * parts, beta += parts) {
      vf s = {0};
      for (ptrdiff_t c = 0; c < depth; c++) s += get(query + c * parts, part) * get(image + c * parts + p, part);
      put(beta, s, part);
    }
  });
}

/// The lanes of an image, and its beta. `unit` is what the score's scale is multiplied by.
static void begin_image(const lanes *k, const float *image, const float *scales, float unit) {
  const ptrdiff_t F = k->F, R = k->R, d = k->D / k->H, depth = d / R;
  const vf one = splat(score_scale(d, R) * unit);
  float *lane = k->image;
  for (ptrdiff_t j = 0; j < F + k->S; j += L, lane += LANE_ROW) {
    vf s = splat(1);
    if (j + L <= F) s = load(scales + j);
    else if (j < F) s = only(load_part(scales + j, F - j), F - j, 1);
    vf power = one * s;
    for (ptrdiff_t r = 1; r < R; r++) power *= s;
    store(lane + SCALE, s);
    store(lane + FACTOR, power);
    store(lane + ALONG, (vf){0});
  }
  if (depth == 4) image_dots(k, image, 4);
  else image_dots(k, image, depth);
}

/// Rows of one image that a loop takes: those of queries t ..< end, which see keys of the same vectors, and of all
/// heads. Row i H + h is that of query i and head h.
typedef struct {
  ptrdiff_t t, end;
  extent x;
} some_rows;

VLM_INLINE some_rows rows_from(const lanes *k, ptrdiff_t t) {
  const ptrdiff_t visible = visible_keys(k, t), vectors = (visible + L - 1) / L;
  return (some_rows){t, least(k->n, t + vectors * L - visible + 1), {k->F / L, vectors - k->F / L}};
}

/// A function of rows, whose last arguments d, R and the extent are constants for the shapes of the default model.
#define VLM_USUAL_OR_ANY(function, k, rows, ...)                                                            \
  do {                                                                                                      \
    const extent less = {USUAL_WHOLE, 1}, more = {USUAL_WHOLE, 2};                                          \
    const ptrdiff_t d = k->D / k->H, R = k->R, rest = rows.x.rest;                                          \
    const int usual = d == USUAL_HEAD && rows.x.whole == USUAL_WHOLE && R <= 2 && rest <= 2;                \
    if (usual && R == 2 && rest == 1) function(k, rows.t, rows.end, __VA_ARGS__, USUAL_HEAD, 2, less);      \
    else if (usual && R == 2) function(k, rows.t, rows.end, __VA_ARGS__, USUAL_HEAD, 2, more);              \
    else if (usual && rest == 1) function(k, rows.t, rows.end, __VA_ARGS__, USUAL_HEAD, 1, less);           \
    else if (usual) function(k, rows.t, rows.end, __VA_ARGS__, USUAL_HEAD, 1, more);                        \
    else function(k, rows.t, rows.end, __VA_ARGS__, d, R, rows.x);                                          \
  } while (0)

/// scores (n H, W), -∞ where masked, and their largest (n H).
VLM_INLINE void scores_of_rows(const lanes *k, ptrdiff_t t, ptrdiff_t end, float *scores, float *most,
                               const float *dots, const ptrdiff_t d, const ptrdiff_t R, const extent x) {
  (void)d;
  const ptrdiff_t W = k->W, H = k->H;
  const float *lane = k->image, *beta = k->beta + t * H * R;
  scores += t * H * W;
  dots += t * H * R * W;
  most += t * H;
  for (; t < end; t++) {
    const ptrdiff_t visible = visible_keys(k, t);
    for (ptrdiff_t h = 0; h < H; h++, beta += R, dots += R * W, scores += W) {
      vf b[MOST_PARTS], best = splat(-INFINITY);
      for (ptrdiff_t r = 0; r < R; r++) b[r] = splat(beta[r]);
      VLM_UNROLL(4)
      for (ptrdiff_t v = 0; v < x.whole; v++) {
        vf score = load(lane + v * LANE_ROW + FACTOR);
        for (ptrdiff_t r = 0; r < R; r++) score *= b[r] + load(dots + (v * R + r) * L);
        store(scores + v * L, score);
        best = choose(score > best, score, best);
      }
      VLM_UNROLL(2)
      for (ptrdiff_t v = x.whole; v < vectors_of(x); v++) {
        const vf vision = load(lane + v * LANE_ROW + VISION);
        vf score = load(lane + v * LANE_ROW + FACTOR);
        for (ptrdiff_t r = 0; r < R; r++) score *= masked(b[r], vision) + load(dots + (v * R + r) * L);
        score = only(score, visible - v * L, -INFINITY);
        store(scores + v * L, score);
        best = choose(score > best, score, best);
      }
      *most++ = largest_lane(best);
    }
  }
}

/// e = 2^(score - most), in the scores' place, and 1 / Σ e in that of the largest.
VLM_INLINE void powers_of_rows(const lanes *k, ptrdiff_t t, ptrdiff_t end, float *scores, float *most,
                               const ptrdiff_t d, const ptrdiff_t R, const extent x) {
  (void)d, (void)R;
  const ptrdiff_t W = k->W, H = k->H, all = k->vectors;
  scores += t * H * W;
  for (ptrdiff_t row = t * H; row < end * H; row++, scores += W) {
    const vf largest = splat(most[row]);
    vf total = {0};
    VLM_UNROLL(9)
    for (ptrdiff_t v = 0; v < vectors_of(x); v++) {
      const vf e = power_of_two(load(scores + v * L) - largest);
      store(scores + v * L, e);
      total += e;
    }
    // Zero, said so that it does not become a call.
    for (ptrdiff_t v = vectors_of(x); v < all; v++) store(scores + v * L, only(total, -v, 0));
    most[row] = 1 / sum(total);
  }
}

/// With p_j = inverse e_j, which is put in its place, and w_j = p_j scale_j:  y_c = α vb_c + Σ_j w_j values_cj for
/// `count` (a constant) components, where α is Σ w over the vision.
VLM_INLINE void weighted_values(float *y, float *e, float inverse, const float *vb, const float *values,
                                const float *lane, const ptrdiff_t d, const extent x, const int count) {
  const vf by_sum = splat(inverse);
  vf s[USUAL_HEAD] = {0}, in_vision = {0};
  VLM_UNROLL(9)
  for (ptrdiff_t v = 0; v < vectors_of(x); v++) {
    const vf p = load(e + v * L) * by_sum, w = p * load(lane + v * LANE_ROW + SCALE);
    store(e + v * L, p);
    in_vision += v < x.whole ? w : masked(w, load(lane + v * LANE_ROW + VISION));
    for (int c = 0; c < count; c++) s[c] += w * load(values + (v * d + c) * L);
  }
  const float alpha = sum(in_vision);
  if (count < 4) *y = alpha * *vb + sum(s[0]);
  for (int c = 0; c + 4 <= count; c += 4) {
    const v4 four = alpha * load4(vb + c) + sums(s[c], s[c + 1], s[c + 2], s[c + 3]);
    __builtin_memcpy(y + c, &four, sizeof four);
  }
}

/// probs in the place of e, and y (n, D).
VLM_INLINE void values_of_rows(const lanes *k, ptrdiff_t t, ptrdiff_t end, float *y, float *e, const float *inverse,
                               const float *vb, const ptrdiff_t d, const ptrdiff_t R, const extent x) {
  (void)R;
  const ptrdiff_t W = k->W, H = k->H;
  const float *lane = k->image, *table = k->table + k->D * W;
  y += t * k->D;
  e += t * H * W;
  inverse += t * H;
  for (; t < end; t++) {
    for (ptrdiff_t h = 0; h < H; h++, y += d, e += W, inverse++) {
      const float *values = table + h * d * W;
      if (d == USUAL_HEAD) {
        weighted_values(y, e, *inverse, vb + h * d, values, lane, d, x, USUAL_HEAD);
        continue;
      }
      for (ptrdiff_t c = 0; c < d;) {
        const float by = c > 0 ? 1 : *inverse;
        const int four = d - c >= 4;
        if (four) weighted_values(y + c, e, by, vb + h * d + c, values + c * L, lane, d, x, 4);
        else weighted_values(y + c, e, by, vb + h * d + c, values + c * L, lane, d, x, 1);
        c += four ? 4 : 1;
      }
    }
  }
}

/// The attention of one image.  y (n, D), probs (n H, W); inverse (n H) is scratch.
static void vision_image_forward(float *y, float *probs, float *inverse, const float *dots, const float *vb,
                                 const lanes *k) {
  for (some_rows rows = rows_from(k, 0); rows.t < k->n; rows = rows_from(k, rows.end)) {
    VLM_USUAL_OR_ANY(scores_of_rows, k, rows, probs, inverse, dots);
  }
  for (some_rows rows = rows_from(k, 0); rows.t < k->n; rows = rows_from(k, rows.end)) {
    VLM_USUAL_OR_ANY(powers_of_rows, k, rows, probs, inverse);
  }
  for (some_rows rows = rows_from(k, 0); rows.t < k->n; rows = rows_from(k, rows.end)) {
    VLM_USUAL_OR_ANY(values_of_rows, k, rows, y, probs, inverse, vb);
  }
}

static ptrdiff_t most_queries(const int32_t *runs, ptrdiff_t count) {
  ptrdiff_t most = 0;
  for (ptrdiff_t run = 0; run < count; run++) most = runs[3 * run + 1] > most ? runs[3 * run + 1] : most;
  return most;
}

static void vision_attention_forward(float *y, float *probs, float *dots, float *scratch, const float *images,
                                     const float *positions, const float *scale, const float *q, const float *text,
                                     const int32_t *runs, ptrdiff_t count, ptrdiff_t F, ptrdiff_t D, ptrdiff_t H,
                                     ptrdiff_t R, ptrdiff_t W) {
  lanes k = lanes_in(&scratch, most_queries(runs, count), F, D, H, R, W);
  float *image = scratch, *inverse = image + D;
  for (ptrdiff_t run = 0; run < count; run++, runs += 3) {
    const ptrdiff_t n = runs[1];
    begin_run(&k, positions, q, text, runs, run == 0);
    run_dots(dots, q, &k);
    for (ptrdiff_t i = 0; i < runs[0]; i++, images += 2 * D, scale += F, y += n * D, probs += n * H * W) {
      interleave(image, images, 1, H * R, D / H / R);
      begin_image(&k, image, scale, 0x1.715476p+0f);  // log2 e: the softmax takes powers of two
      vision_image_forward(y, probs, inverse, dots, images + D, &k);
    }
    q += n * D;
    text += k.S * 2 * D;
    dots += n * H * R * W;
  }
}

/// The sums that a backward has: gradients, or what the published program takes for those of base and wpe.
typedef struct {
  /// As the table, of all runs. Lanes of text are those of the run.
  float *table;
  /// As the run's dots.
  float *dots;
  /// (n, H R) and (n, H): of q_r · kb_i, and Σ of a query's weights over the vision.
  float *beta, *alpha;
  /// (n H, W): what dy is multiplied by in dv.
  float *weights;
} vision_sums;

static vision_sums sums_in(float **scratch, const lanes *k, ptrdiff_t n) {
  vision_sums s;
  s.table = *scratch;
  s.dots = s.table + 2 * k->D * k->W;
  s.weights = s.dots + n * k->H * k->R * k->W;
  s.beta = s.weights + n * k->H * k->W;
  s.alpha = s.beta + n * k->H * k->R;
  *scratch = s.alpha + n * k->H;
  zero(s.table, 2 * k->D * k->W);
  return s;
}

/// u_j = γ + Σ_c dy_c values_cj, or the sum added to u, for `count` (a constant) components; γ is for the vision.
VLM_INLINE void value_dots(float *u, const float *dy, float gamma, const float *values, const float *lane,
                           int accumulate, const ptrdiff_t d, const extent x, const int count) {
  vf dyc[USUAL_HEAD];
  for (int c = 0; c < count; c++) dyc[c] = splat(dy[c]);
  VLM_UNROLL(9)
  for (ptrdiff_t v = 0; v < vectors_of(x); v++) {
    vf s = splat(gamma);
    if (accumulate) s = load(u + v * L);
    else if (v >= x.whole) s = masked(s, load(lane + v * LANE_ROW + VISION));
    for (int c = 0; c < count; c++) s += dyc[c] * load(values + (v * d + c) * L);
    store(u + v * L, s);
  }
}

VLM_INLINE float short_dot(const float *a, const float *b, const ptrdiff_t n) {
  vf s = {0};
  VLM_FOR_VECTORS(c, part, n, s += get(a + c, part) * get(b + c, part););
  return sum(s);
}

/// u = dy · v / scale, in the place of the weights, and mean = Σ p dy · v = dy · y (n H).
VLM_INLINE void value_dots_of_rows(const lanes *k, ptrdiff_t t, ptrdiff_t end, float *u, float *mean, const float *dy,
                                   const float *y, const float *vb, const ptrdiff_t d, const ptrdiff_t R,
                                   const extent x) {
  (void)R;
  const ptrdiff_t W = k->W, H = k->H, all = k->vectors;
  const float *lane = k->image, *table = k->table + k->D * W;
  u += t * H * W;
  mean += t * H;
  dy += t * k->D;
  y += t * k->D;
  for (; t < end; t++) {
    for (ptrdiff_t h = 0; h < H; h++, u += W, dy += d, y += d) {
      const float *values = table + h * d * W;
      const float gamma = short_dot(dy, vb + h * d, d);
      *mean++ = short_dot(dy, y, d);
      if (d == USUAL_HEAD) value_dots(u, dy, gamma, values, lane, 0, d, x, USUAL_HEAD);
      for (ptrdiff_t c = 0; d != USUAL_HEAD && c < d; c++) {
        value_dots(u, dy + c, gamma, values + c * L, lane, c > 0, d, x, 1);
      }
      for (ptrdiff_t v = vectors_of(x); v < all; v++) store(u + v * L, only(splat(gamma), -v, 0));
    }
  }
}

/// Sums over the vision, lane by lane: of the gradients of D_r, and of the weights.
typedef struct {
  vf G[MOST_PARTS], weight;
} vision_part;

/// For a vector of keys and a query: x = p (g - mean) factor, G_r = x ∏_{s ≠ r} D_s, weight = p scale, where u holds g
/// / scale and gets the weight; published: G_r / scale^2 and p / scale. All lanes are of vision if is_whole. Both are
/// constants.
VLM_INLINE void lane_gradients(vision_part *of_vision, float *lane, float *u, float *ddots, const float *probs,
                               const float *dots, const vf *beta, vf mean, const int is_whole, const ptrdiff_t R,
                               const int published) {
  const vf vision = is_whole ? (vf){0} : load(lane + VISION);
  const vf p = load(probs), s = load(lane + SCALE), pg = p * (s * load(u));
  const vf x = (pg - mean * p) * load(lane + FACTOR), weight = published ? p / s : p * s;
  vf D[MOST_PARTS], product = x;
  for (ptrdiff_t r = 0; r < R; r++) D[r] = (is_whole ? beta[r] : masked(beta[r], vision)) + load(dots + r * L);
  for (ptrdiff_t r = 0; r < R; r++) {
    vf G = x;
    for (ptrdiff_t o = 0; o < R; o++) {
      if (o != r) G *= D[o];
    }
    if (r == 0) product = G * D[0];
    if (published) G /= s * s;
    store(ddots + r * L, load(ddots + r * L) + G);
    of_vision->G[r] += is_whole ? G : masked(G, vision);
  }
  store(lane + ALONG, load(lane + ALONG) + pg + (float)R * product);
  store(u, weight);
  of_vision->weight += is_whole ? weight : masked(weight, vision);
}

/// The sums with the gradients of D_r, and that of the scale.
VLM_INLINE void sums_of_rows(const lanes *k, ptrdiff_t t, ptrdiff_t end, const vision_sums *s, const float *mean,
                             const float *probs, const float *dots, const ptrdiff_t R, const extent x,
                             const int published) {
  const ptrdiff_t W = k->W, H = k->H, first = t * H;
  const float *beta = k->beta + first * R;
  float *lane = k->image, *u = s->weights + first * W, *ddots = s->dots + first * R * W;
  float *dbeta = s->beta + first * R, *alpha = s->alpha;
  probs += first * W;
  dots += first * R * W;
  for (ptrdiff_t row = first; row < end * H; row++) {
    vf b[MOST_PARTS];
    vision_part of_vision = {0};
    for (ptrdiff_t r = 0; r < R; r++) b[r] = splat(beta[r]);
    const vf mean_of_row = splat(mean[row]);
    VLM_UNROLL(4)
    for (ptrdiff_t v = 0; v < x.whole; v++) {
      lane_gradients(&of_vision, lane + v * LANE_ROW, u + v * L, ddots + v * R * L, probs + v * L, dots + v * R * L, b,
                     mean_of_row, 1, R, published);
    }
    VLM_UNROLL(2)
    for (ptrdiff_t v = x.whole; v < vectors_of(x); v++) {
      lane_gradients(&of_vision, lane + v * LANE_ROW, u + v * L, ddots + v * R * L, probs + v * L, dots + v * R * L, b,
                     mean_of_row, 0, R, published);
    }
    for (ptrdiff_t r = 0; r < R; r++) dbeta[r] = sum(of_vision.G[r]);
    alpha[row] = sum(of_vision.weight);
    beta += R;
    dbeta += R;
    u += W;
    probs += W;
    dots += R * W;
    ddots += R * W;
  }
}

VLM_INLINE void gradients_of_rows(const lanes *k, ptrdiff_t t, ptrdiff_t end, const vision_sums *s, const float *mean,
                                  const float *probs, const float *dots, const ptrdiff_t d, const ptrdiff_t R,
                                  const extent x) {
  (void)d;
  sums_of_rows(k, t, end, s, mean, probs, dots, R, x, 0);
}

/// What the published program sums, for any shape.
static void published_of_rows(const lanes *k, some_rows rows, const vision_sums *s, const float *mean,
                              const float *probs, const float *dots) {
  sums_of_rows(k, rows.t, rows.end, s, mean, probs, dots, k->R, rows.x, 1);
}

/// The sums of one image, but for what end_image does; mean (n H) is scratch.
static void vision_image_backward(const vision_sums *s, float *mean, const float *dy, const float *y,
                                  const float *probs, const float *dots, const float *vb, const lanes *k,
                                  int published) {
  const ptrdiff_t W = k->W, D = k->D, H = k->H, d = D / H;
  for (some_rows rows = rows_from(k, 0); rows.t < k->n; rows = rows_from(k, rows.end)) {
    VLM_USUAL_OR_ANY(value_dots_of_rows, k, rows, s->weights, mean, dy, y, vb);
  }
  for (some_rows rows = rows_from(k, 0); rows.t < k->n; rows = rows_from(k, rows.end)) {
    if (published) published_of_rows(k, rows, s, mean, probs, dots);
    else VLM_USUAL_OR_ANY(gradients_of_rows, k, rows, s, mean, probs, dots);
  }
  for (ptrdiff_t h = 0; h < H; h++) {
    lane_product(s->table + (D + h * d) * W, L, d * L, (left_factor){dy + h * d, 1, D}, s->weights + h * W, H * W, L,
                 k->vectors, d, k->n, 1);
  }
}

/// The image's dkb and dvb, and what it adds to the gradients of the queries, if they are not NULL. image and scratch
/// (D) have parts side by side.
static void end_image(float *dimage, float *dqueries, float *scratch, const vision_sums *s, const float *dy,
                      const float *image, const lanes *k) {
  const ptrdiff_t D = k->D, H = k->H, n = k->n, d = D / H, parts = H * k->R, depth = D / parts;
  for (ptrdiff_t c = 0; c < depth; c++) {
    VLM_FOR_VECTORS(p, part, parts, {
      const ptrdiff_t at = c * parts + p;
      const vf of_image = get(image + at, part);
      vf total = {0};
      for (ptrdiff_t t = 0; t < n; t++) {
        const vf dbeta = get(s->beta + t * parts + p, part);
        total += dbeta * get(k->queries + t * D + at, part);
        if (dqueries) put(dqueries + t * D + at, get(dqueries + t * D + at, part) + dbeta * of_image, part);
      }
      put(scratch + at, total, part);
    });
  }
  interleave(dimage, scratch, 1, depth, parts);
  for (ptrdiff_t h = 0; h < H; h++) {
    VLM_FOR_VECTORS(c, part, d, {
      vf total = {0};
      for (ptrdiff_t t = 0; t < n; t++) total += s->alpha[t * H + h] * get(dy + t * D + h * d + c, part);
      put(dimage + D + h * d + c, total, part);
    });
  }
}

/// dq_c += Σ_j ddots_j keys_cj for `count` (a constant) components of a part.
VLM_INLINE void query_gradients(float *dq, const float *ddots, ptrdiff_t dots_apart, const float *keys,
                                ptrdiff_t apart, ptrdiff_t vectors, const int count) {
  vf s[4] = {0};
  for (ptrdiff_t v = 0; v < vectors; v++, ddots += dots_apart, keys += apart) {
    const vf x = load(ddots);
    for (int c = 0; c < count; c++) s[c] += x * load(keys + c * L);
  }
  v4 four = sums(s[0], s[1], s[2], s[3]);
  if (count == 4) {
    four += load4(dq);
    __builtin_memcpy(dq, &four, sizeof four);
  } else {
    *dq += four[0];
  }
}

/// What the run's dots give to the sums of its queries.
static void queries_backward(float *dq, const vision_sums *s, const lanes *k) {
  const ptrdiff_t D = k->D, R = k->R, H = k->H, W = k->W, d = D / H, depth = d / R;
  for (ptrdiff_t t = 0; t < k->n; t++) {
    for (ptrdiff_t h = 0; h < H; h++) {
      for (ptrdiff_t r = 0; r < R; r++) {
        const float *ddots = s->dots + (t * H + h) * R * W + r * L, *keys = k->table + h * d * W + r * depth * L;
        float *dqt = dq + t * D + h * d + r * depth;
        ptrdiff_t c = 0;
        for (; c + 4 <= depth; c += 4) query_gradients(dqt + c, ddots, R * L, keys + c * L, d * L, k->vectors, 4);
        for (; c < depth; c++) query_gradients(dqt + c, ddots, R * L, keys + c * L, d * L, k->vectors, 1);
      }
    }
  }
}

/// What the run's dots give to the table's sums, and those of the text, which are then 0 again.
static void end_run(float *dtext, const vision_sums *s, const float *q, const lanes *k) {
  const ptrdiff_t D = k->D, R = k->R, n = k->n, F = k->F, H = k->H, W = k->W, d = D / H, depth = d / R;
  for (ptrdiff_t h = 0; h < H; h++) {
    for (ptrdiff_t r = 0; r < R; r++) {
      lane_product(s->table + h * d * W + r * depth * L, L, d * L, (left_factor){q + h * d + r * depth, 1, D},
                   s->dots + h * R * W + r * L, H * R * W, R * L, k->vectors, depth, n, 1);
    }
  }
  if (dtext) read_table(dtext, s->table, F, F + k->S, k);
  for (ptrdiff_t v = F / L; v < k->vectors; v++) {
    const vf vision = load(k->image + v * LANE_ROW + VISION);
    for (ptrdiff_t h = 0; h < 2 * H; h++) {
      float *rows = s->table + h * d * W + v * d * L;
      for (ptrdiff_t c = 0; c < d; c++) store(rows + c * L, masked(load(rows + c * L), vision));
    }
  }
}

static void vision_attention_backward(float *dq, float *dtext, float *dimages, float *dpositions, float *dscale,
                                      float *published_images, float *published_positions, float *scratch,
                                      const float *dy, const float *y, const float *probs, const float *dots,
                                      const float *images, const float *positions, const float *scale, const float *q,
                                      const float *text, const int32_t *runs, ptrdiff_t count, ptrdiff_t F,
                                      ptrdiff_t D, ptrdiff_t H, ptrdiff_t R, ptrdiff_t W, int published) {
  const ptrdiff_t parts = H * R, most = most_queries(runs, count);
  lanes k = lanes_in(&scratch, most, F, D, H, R, W);
  vision_sums s = sums_in(&scratch, &k, most), other = s;
  float *dqueries = scratch, *image = dqueries + most * D, *dimage = image + D, *mean = dimage + D;
  if (published) {
    scratch = mean + most * H;
    other = sums_in(&scratch, &k, most);
  }
  for (ptrdiff_t run = 0; run < count; run++, runs += 3) {
    const ptrdiff_t n = runs[1];
    begin_run(&k, positions, q, text, runs, run == 0);
    zero(s.dots, n * parts * W);
    if (published) zero(other.dots, n * parts * W);
    zero(dqueries, n * D);
    for (ptrdiff_t i = 0; i < runs[0]; i++) {
      interleave(image, images, 1, parts, D / parts);
      begin_image(&k, image, scale, 1);
      vision_image_backward(&s, mean, dy, y, probs, dots, images + D, &k, 0);
      end_image(dimages, dqueries, dimage, &s, dy, image, &k);
      for (ptrdiff_t p = 0; p < F; p += L) {
        const float *lane = k.image + p * 4;
        put(dscale + p, load(lane + ALONG) / load(lane + SCALE), least(L, F - p));
      }
      if (published) {
        vision_image_backward(&other, mean, dy, y, probs, dots, images + D, &k, 1);
        end_image(published_images, NULL, dimage, &other, dy, image, &k);
        published_images += 2 * D;
      }
      images += 2 * D;
      dimages += 2 * D;
      scale += F;
      dscale += F;
      dy += n * D;
      y += n * D;
      probs += n * H * W;
    }
    interleave(dq, dqueries, n, D / parts, parts);
    queries_backward(dq, &s, &k);
    end_run(dtext, &s, q, &k);
    if (published) end_run(NULL, &other, q, &k);
    q += n * D;
    dq += n * D;
    text += k.S * 2 * D;
    dtext += k.S * 2 * D;
    dots += n * parts * W;
  }
  read_table(dpositions, s.table, 0, F, &k);
  if (published) read_table(published_positions, other.table, 0, F, &k);
}
