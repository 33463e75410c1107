// Augmentation: y = the image at the places that a draw moves its pixels to.
//
// A place's four neighbours stand together in a word, so that one load of 32 bits gives them. Around the image is a
// frame of zeros, and places are clamped into it. Seven rows at a time, between the same two rows of control points, go
// through three loops: places, words, pixels. In one loop vectors would wait for the words of their lanes.

/// Where a call keeps what, in scratch.
typedef struct {
  /// (H + 2, W + 1) and one more: word [i][j] holds the pixels (i - 1, j - 1), (i - 1, j), (i, j - 1) and (i, j) of the
  /// image from the lowest byte on, 0 for those outside. Behind a row's last word comes the first of the next one: its
  /// left neighbours are outside too.
  int32_t *words;
  /// A row and a column of zeros before the image, and two rows after it: (H + 3, W + 1) bytes and two more.
  uint8_t *frame;
  /// Control points: gx and then gy, (rows, columns) each.
  float *points;
  /// The splines of gx and of gy along their rows: (rows, W) each, rows `pitch` apart.
  float *lines;
  /// What u and v have of x alone: W each, `pitch` apart.
  float *slopes;
  /// Of a band, the pixels of seven rows: which word has a place's neighbours, and then that word itself.
  int32_t *at;
  /// How far right of the first neighbour and below it a place is, in 0 ..< 1.
  float *x, *y;
  ptrdiff_t rows, columns, pitch;
} augmentation_parts;

enum { KNOT = 7, BLOCK = 16 };

static augmentation_parts augmentation_parts_of(float *scratch, ptrdiff_t H, ptrdiff_t W) {
  augmentation_parts s;
  s.rows = (H - 1) / KNOT + 4;
  s.columns = (W - 1) / KNOT + 4;
  s.pitch = W + BLOCK;
  s.words = (int32_t *)scratch;
  s.slopes = scratch + (H + 2) * (W + 1) + BLOCK;
  s.lines = s.slopes + 2 * s.pitch;
  s.points = s.lines + 2 * s.rows * s.pitch;
  s.at = (int32_t *)(s.points + 2 * s.rows * s.columns);
  const ptrdiff_t band = least(KNOT, H) * W + BLOCK;
  s.x = (float *)s.at + band;
  s.y = s.x + band;
  s.frame = (uint8_t *)(s.y + band);
  return s;
}

/// The last step of SplitMix64.
static uint64_t mixed(uint64_t z) {
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

static const uint64_t golden = 0x9e3779b97f4a7c15;

static uint64_t augmentation_word(uint64_t key, uint64_t k) { return mixed(key + k * golden); }

/// A word's two numbers in [-1, 1), of 24 bits each: exact.
static float first_of(uint64_t word) { return (float)(int32_t)(word >> 40) * 0x1p-23f - 1; }
static float second_of(uint64_t word) { return (float)(int32_t)(word >> 16 & 0xffffff) * 0x1p-23f - 1; }

typedef uint8_t bytes16 __attribute__((vector_size(BLOCK)));
typedef uint16_t pairs8 __attribute__((vector_size(BLOCK)));

VLM_INLINE bytes16 load_bytes(const uint8_t *p) {
  bytes16 v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

VLM_INLINE void store_bytes(void *p, bytes16 v) { __builtin_memcpy(p, &v, sizeof v); }

/// a0 b0 a1 b1 ... of the first half, or of the second.
VLM_INLINE bytes16 zip_low(bytes16 a, bytes16 b) {
  return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
VLM_INLINE bytes16 zip_high(bytes16 a, bytes16 b) {
  return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}
VLM_INLINE bytes16 zip_pairs_low(bytes16 a, bytes16 b) {
  return (bytes16)__builtin_shufflevector((pairs8)a, (pairs8)b, 0, 8, 1, 9, 2, 10, 3, 11);
}
VLM_INLINE bytes16 zip_pairs_high(bytes16 a, bytes16 b) {
  return (bytes16)__builtin_shufflevector((pairs8)a, (pairs8)b, 4, 12, 5, 13, 6, 14, 7, 15);
}

static void augmentation_frame(uint8_t *frame, const uint8_t *image, ptrdiff_t H, ptrdiff_t W) {
  // Whole blocks: what they overwrite too far is the image's, or beyond what is needed.
  for (ptrdiff_t i = 0; i < W + 2; i += BLOCK) store_bytes(frame + i, (bytes16){0});
  uint8_t *row = frame + W + 2;
  for (ptrdiff_t r = 0; r < H; r++, row += W + 1, image += W) {
    ptrdiff_t c = 0;
    for (; c + BLOCK <= W; c += BLOCK) store_bytes(row + c, load_bytes(image + c));
    if (c < W && W >= BLOCK) store_bytes(row + W - BLOCK, load_bytes(image + W - BLOCK));
    else for (; c < W; c++) row[c] = image[c];
    row[W] = 0;
  }
  for (ptrdiff_t i = 0; i < 2 * (W + 1) + 1 + BLOCK; i += BLOCK) store_bytes(row + i, (bytes16){0});
}

static void augmentation_words(int32_t *words, const uint8_t *frame, ptrdiff_t H, ptrdiff_t W) {
  for (ptrdiff_t i = 0; i < (H + 2) * (W + 1) + 1; i += BLOCK) {
    const uint8_t *above = frame + i, *below = above + W + 1;
    const bytes16 a = load_bytes(above), b = load_bytes(above + 1), c = load_bytes(below), d = load_bytes(below + 1);
    const bytes16 low = zip_low(a, b), low_below = zip_low(c, d), high = zip_high(a, b), high_below = zip_high(c, d);
    store_bytes(words + i, zip_pairs_low(low, low_below));
    store_bytes(words + i + 4, zip_pairs_high(low, low_below));
    store_bytes(words + i + 8, zip_pairs_low(high, high_below));
    store_bytes(words + i + 12, zip_pairs_high(high, high_below));
  }
}

/// The weights of four neighbouring control points at the seven places between two knots; 0 beyond.
static void augmentation_splines(float weights[4][BLOCK]) {
  for (int place = 0; place < BLOCK; place++) {
    const float t = ((float)place + 0.5f) / KNOT, s = 1 - t, inside = place < KNOT ? 1 / 6.0f : 0;
    weights[0][place] = s * s * s * inside;
    weights[1][place] = (3 * t * t * t - 6 * t * t + 4) * inside;
    weights[2][place] = (3 * s * s * s - 6 * s * s + 4) * inside;
    weights[3][place] = t * t * t * inside;
  }
}

/// The splines along the rows of control points: line = sum over j of w_j(x) points[i][j].
static void augmentation_lines(const augmentation_parts *s, float weights[4][BLOCK]) {
  for (ptrdiff_t i = 0; i < 2 * s->rows; i++) {
    const float *points = s->points + i * s->columns;
    float *line = s->lines + i * s->pitch;
    for (ptrdiff_t knot = 0; knot < s->columns - 3; knot++) {
      for (int place = 0; place < KNOT; place += L) {
        vf sum = {0};
        for (int j = 0; j < 4; j++) sum += load(weights[j] + place) * points[knot + j];
        store(line + knot * KNOT + place, sum);
      }
    }
  }
}

/// a > b ? a : b, which is b where a is NaN.
VLM_INLINE vf above_or(vf a, vf b) {
  for (int l = 0; l < L; l++) a[l] = a[l] > b[l] ? a[l] : b[l];
  return a;
}
VLM_INLINE vf below_or(vf a, vf b) {
  for (int l = 0; l < L; l++) a[l] = a[l] < b[l] ? a[l] : b[l];
  return a;
}

/// Where the pixels of a band come from. u and v begin at the frame, a pixel before the image.
VLM_INLINE void augmentation_places(const augmentation_parts *s, float weights[4][BLOCK], const float down[2],
                                    ptrdiff_t r, ptrdiff_t rows, ptrdiff_t H, ptrdiff_t W, int elastic) {
  const float *us = s->slopes, *vs = us + s->pitch;
  const float *gx = s->lines + r / KNOT * s->pitch, *gy = gx + s->rows * s->pitch;
  const vf last_u = splat((float)(W + 1)), last_v = splat((float)(H + 1)), width = last_u;
  int32_t *at = s->at;
  float *x = s->x, *y = s->y;
  for (ptrdiff_t row = 0; row < rows; row++, at += W, x += W, y += W) {
    const float middle = (float)(r + row) - 0.5f * (float)(H - 1), u0 = down[0] * middle, v0 = down[1] * middle;
    // Lanes beyond a row are overwritten by the next one's.
    for (ptrdiff_t c = 0; c < W; c += L) {
      vf u = load(us + c) + u0, v = load(vs + c) + v0;
      if (elastic) {
        for (int i = 0; i < 4; i++) {
          const float w = weights[i][row];
          u += load(gx + i * s->pitch + c) * w;
          v += load(gy + i * s->pitch + c) * w;
        }
      }
      u = below_or(above_or(u, (vf){0}), last_u);
      v = below_or(above_or(v, (vf){0}), last_v);
      const vf left = __builtin_convertvector(__builtin_convertvector(u, vi), vf);
      const vf top = __builtin_convertvector(__builtin_convertvector(v, vi), vf);
      // In float, where it is a product and a sum: exact below 2^24.
      const vi word = __builtin_convertvector(top * width + left, vi);
      __builtin_memcpy(at + c, &word, sizeof word);
      store(x + c, u - left);
      store(y + c, v - top);
    }
  }
}

/// The pixels at the places of a band.
static void augmentation_band(float *out, const augmentation_parts *s, ptrdiff_t n) {
  int32_t *restrict at = s->at;
  const int32_t *restrict words = s->words;
  for (ptrdiff_t i = 0; i < n; i++) at[i] = words[(uint32_t)at[i]];
  VLM_FOR_VECTORS(i, part, n, {
    vi word;
    __builtin_memcpy(&word, at + i, sizeof word);
    const vf a = __builtin_convertvector(word & 255, vf), b = __builtin_convertvector(word >> 8 & 255, vf);
    const vf c = __builtin_convertvector(word >> 16 & 255, vf), d = __builtin_convertvector(word >> 24 & 255, vf);
    const vf x = load(s->x + i), upper = a + x * (b - a), lower = c + x * (d - c);
    put(out + i, (upper + load(s->y + i) * (lower - upper)) / 255, part);
  });
}

VLM_INLINE void augmentation_rows(float *y, const augmentation_parts *s, float weights[4][BLOCK], const float down[2],
                                  ptrdiff_t H, ptrdiff_t W, int elastic) {
  for (ptrdiff_t r = 0; r < H; r += KNOT) {
    const ptrdiff_t rows = least(KNOT, H - r);
    augmentation_places(s, weights, down, r, rows, H, W, elastic);
    augmentation_band(y + r * W, s, rows * W);
  }
}

static void augmentation_forward(float *y, const uint8_t *image, ptrdiff_t H, ptrdiff_t W,
                                 const vlm_augmentation *settings, uint64_t seed, uint64_t draw, float *scratch) {
  const augmentation_parts s = augmentation_parts_of(scratch, H, W);
  const uint64_t key = mixed(mixed(seed + golden) + draw);
  augmentation_frame(s.frame, image, H, W);
  augmentation_words(s.words, s.frame, H, W);

  const uint64_t turn = augmentation_word(key, 1), scale = augmentation_word(key, 2), move = augmentation_word(key, 3);
  const double angle = settings->rotation * first_of(turn) * (0x1.921fb54442d18p+1 / 180);
  const double cosine = vlm_cos(angle), sine = vlm_sin(angle), shear = settings->shear * second_of(turn);
  const double zx = 1 + settings->zoom * first_of(scale), zy = 1 + settings->zoom * second_of(scale);
  const float right[2] = {(float)(cosine * zx), (float)(sine * zx)};
  const float down[2] = {(float)(cosine * shear - sine * zy), (float)(sine * shear + cosine * zy)};
  const float u0 = (float)(settings->shift * first_of(move) + 0.5 * (double)(W - 1) + 1);
  const float v0 = (float)(settings->shift * second_of(move) + 0.5 * (double)(H - 1) + 1);
  for (ptrdiff_t c = 0; c < W; c += L) {
    const vf middle = __builtin_convertvector(lane_numbers(), vf) + ((float)c - 0.5f * (float)(W - 1));
    store(s.slopes + c, middle * right[0] + u0);
    store(s.slopes + s.pitch + c, middle * right[1] + v0);
  }

  float weights[4][BLOCK];
  if (settings->elastic == 0) {
    augmentation_rows(y, &s, weights, down, H, W, 0);
    return;
  }
  const float elastic = (float)settings->elastic;
  for (ptrdiff_t i = 0; i < s.rows * s.columns; i++) {
    const uint64_t word = augmentation_word(key, 4 + (uint64_t)i);
    s.points[i] = elastic * first_of(word);
    s.points[s.rows * s.columns + i] = elastic * second_of(word);
  }
  augmentation_splines(weights);
  augmentation_lines(&s, weights);
  augmentation_rows(y, &s, weights, down, H, W, 1);
}
