// The model in one C file: float32, gradient by hand, Adam, no dependencies.
//
//     cc -O3 -march=native -ffast-math -fopenmp c_peer.c -o c_peer -lm
//     ./c_peer FOLDER [--steps 7000] [--batch 1] [--threads 1]     FOLDER has MNIST's four files, not compressed
//     ./c_peer --gradient                                          see gradient_of_standard_input
//
// Written as one would after a day with a profiler: sizes are constants, weights that meet the same operand are one
// matrix, a block of images goes through the matrix products together, what lies across positions is kept transposed so
// that the compiler's vectors run along them. It has none of KernelVLM's reformulations: every vision position is
// embedded, normed and projected.
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
  P = 196,            // pixels
  M = 10,             // features of a base autoencoder
  N = 12,             // BAE x BAE tokens
  F = 28,             // features, and vision positions
  D = 32,             // width
  H = 4,              // heads
  HEAD = D / H,       // width of a head
  HALF = HEAD / 2,    // and of half a head
  E = 128,            // width of the MLP
  V = 17,             // tokens: letters, BOS, EOS
  BOS = 15,
  EOS = 16,
  PIXEL_ROWS = 80,    // L1 R1 L2 R2 (M each), C0 C1, E0 E1 E2 (8 each)
  POSITIONS = 36,
  LONGEST = 6,        // text positions that predict something
  T = 40,             // F + LONGEST, up to whole vectors
  BLOCK = 32,         // images that go through the model together
  ROWS = BLOCK * LONGEST,
  MOST_BLOCKS = 64,
};

static const char *NAMES[10] = {"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"};
static const char LETTERS[] = "efghinorstuvwxz";

/// The parameters, or their gradient, or a moment of Adam. wqkv has rows of q, k and v.
typedef struct {
  float pixels[PIXEL_ROWS][P], tensor[2][N][M], vision[2 * D][F], wte[V][D], wpe[POSITIONS][D], wqkv[3 * D][D],
      wo[D][D], fc1[E][D], fc2[D][E], lm_head[V][D];
} Parameters;
enum { COUNT = sizeof(Parameters) / sizeof(float) };

static void fail(const char *what, const char *which) {
  fprintf(stderr, "c_peer: %s: %s\n", which, what);
  exit(1);
}

// Matrix products

typedef float vector __attribute__((vector_size(32)));

static inline vector load8(const float *p) {
  vector v;
  memcpy(&v, p, sizeof v);
  return v;
}

/// `rows` rows of C and `width` vectors of its columns, kept in registers: both are constants.
static inline __attribute__((always_inline)) void tile(float *restrict c, int ldc, const float *restrict a, int row,
                                                       int column, const float *restrict b, int ldb, int k, int add,
                                                       const int rows, const int width) {
  vector s[6][2] = {{{0}}}, bt[2];
  for (int t = 0; t < k; t++, a += column, b += ldb) {
    for (int v = 0; v < width; v++) bt[v] = load8(b + 8 * v);
    for (int r = 0; r < rows; r++) {
      for (int v = 0; v < width; v++) s[r][v] += a[r * row] * bt[v];
    }
  }
  for (int r = 0; r < rows; r++) {
    for (int v = 0; v < width; v++) {
      float *to = c + r * ldc + 8 * v;
      if (add) s[r][v] += load8(to);
      memcpy(to, &s[r][v], sizeof s[r][v]);
    }
  }
}

static inline __attribute__((always_inline)) void strip(float *restrict c, int ldc, const float *restrict a, int row,
                                                        int column, const float *restrict b, int ldb, int n, int k,
                                                        int add, const int width) {
  int i = 0;
  for (; i + 6 <= n; i += 6) tile(c + i * ldc, ldc, a + i * row, row, column, b, ldb, k, add, 6, width);
  for (; i + 4 <= n; i += 4) tile(c + i * ldc, ldc, a + i * row, row, column, b, ldb, k, add, 4, width);
  for (; i + 2 <= n; i += 2) tile(c + i * ldc, ldc, a + i * row, row, column, b, ldb, k, add, 2, width);
  for (; i < n; i++) tile(c + i * ldc, ldc, a + i * row, row, column, b, ldb, k, add, 1, width);
}

/// C (n, m) = A B, or added to C, with A (n, k) at a[i row + t column], B (k, m).
static void product(float *restrict c, int ldc, const float *restrict a, int row, int column, const float *restrict b,
                    int ldb, int n, int m, int k, int add) {
  int j = 0;
  for (; j + 16 <= m; j += 16) strip(c + j, ldc, a, row, column, b + j, ldb, n, k, add, 2);
  for (; j + 8 <= m; j += 8) strip(c + j, ldc, a, row, column, b + j, ldb, n, k, add, 1);
  for (int i = 0; j < m && i < n; i++) {
    float s[8] = {0};
    for (int t = 0; t < k; t++) {
      for (int o = 0; o < m - j; o++) s[o] += a[i * row + t * column] * b[t * ldb + j + o];
    }
    for (int o = 0; o < m - j; o++) c[i * ldc + j + o] = s[o] + (add ? c[i * ldc + j + o] : 0);
  }
}

static void transpose(float *restrict to, const float *restrict from, int rows, int columns) {
  for (int c = 0; c < columns; c++) {
    for (int r = 0; r < rows; r++) to[c * rows + r] = from[r * columns + c];
  }
}

/// Y (n, m) = X Wᵀ, or added to Y; X (n, k), W (m, k). Turning W pays from a few rows on.
static void linear(float *restrict y, const float *restrict x, const float *restrict w, int n, int k, int m, int add) {
  if (n <= 8) {
    for (int i = 0; i < n; i++) {
      for (int o = 0; o < m; o++) {
        float s = 0;
        for (int c = 0; c < k; c++) s += x[i * k + c] * w[o * k + c];
        y[i * m + o] = s + (add ? y[i * m + o] : 0);
      }
    }
  } else {
    float turned[PIXEL_ROWS * P];
    transpose(turned, w, m, k);
    product(y, m, x, k, 1, turned, m, n, m, k, add);
  }
}

/// dX (n, k) = dY W, or added to dX.
static void linear_dx(float *restrict dx, const float *restrict dy, const float *restrict w, int n, int k, int m,
                      int add) {
  product(dx, k, dy, m, 1, w, k, n, k, m, add);
}

/// dW (m, k) += dYᵀ X.
static void linear_dw(float *restrict dw, const float *restrict dy, const float *restrict x, int n, int k, int m) {
  product(dw, k, dy, 1, m, x, k, m, k, n, 1);
}

// Norms

static float dot(const float *a, const float *b, int n) {
  float s = 0;
  for (int i = 0; i < n; i++) s += a[i] * b[i];
  return s;
}

/// u = v / (|v| + 1e-8); returns |v|.
static float unit(float *u, const float *v, int n) {
  const float norm = sqrtf(dot(v, v, n));
  for (int i = 0; i < n; i++) u[i] = v[i] / (norm + 1e-8f);
  return norm;
}

/// dv = (du - v / |v| (u . du)) / (|v| + 1e-8).
static void unit_backward(float *dv, const float *du, const float *v, const float *u, float norm, int n) {
  const float pull = norm > 0 ? dot(u, du, n) / norm : 0;
  for (int i = 0; i < n; i++) dv[i] = (du[i] - v[i] * pull) / (norm + 1e-8f);
}

/// y = s v, s = 1 / sqrt(mean(v²) + 1e-5); returns s.
static float rmsnorm(float *y, const float *v) {
  const float s = 1 / sqrtf(dot(v, v, D) / D + 1e-5f);
  for (int c = 0; c < D; c++) y[c] = s * v[c];
  return s;
}

/// dv = s (dy - y mean(y dy)), or added to dv.
static void rmsnorm_backward(float *dv, const float *dy, const float *y, float s, int add) {
  const float mean = dot(y, dy, D) / D;
  for (int c = 0; c < D; c++) dv[c] = s * (dy[c] - y[c] * mean) + (add ? dv[c] : 0);
}

/// The same of the columns of (D, T) matrices: the positions of an image.
static void rmsnorm_columns(float y[D][T], float s[T], float v[D][T]) {
  float squares[T] = {0};
  for (int c = 0; c < D; c++) {
    for (int j = 0; j < T; j++) squares[j] += v[c][j] * v[c][j];
  }
  for (int j = 0; j < T; j++) s[j] = 1 / sqrtf(squares[j] / D + 1e-5f);
  for (int c = 0; c < D; c++) {
    for (int j = 0; j < T; j++) y[c][j] = s[j] * v[c][j];
  }
}

static void rmsnorm_columns_backward(float dv[D][T], float dy[D][T], float y[D][T], const float s[T]) {
  float mean[T] = {0};
  for (int c = 0; c < D; c++) {
    for (int j = 0; j < T; j++) mean[j] += y[c][j] * dy[c][j];
  }
  for (int c = 0; c < D; c++) {
    for (int j = 0; j < T; j++) dv[c][j] = s[j] * (dy[c][j] - y[c][j] * mean[j] / D);
  }
}

// The model

/// What forward keeps of a block of images with `rows` text rows. An image's positions, columns of its matrices, are first
/// the vision's and then the text's.
typedef struct {
  int images, rows, first[BLOCK + 1], label[BLOCK], token[ROWS], target[ROWS];
  float weight[ROWS];  // of a prediction in the loss
  float x[BLOCK][P], y[BLOCK][PIXEL_ROWS], v[2][BLOCK][M], f[2][BLOCK][M], norm[2][BLOCK], ab[2][BLOCK][N],
      features[BLOCK][F], unit[BLOCK][F], feature_norm[BLOCK], lr[BLOCK][2 * D];
  float h[BLOCK][D][T], a[BLOCK][D][T], sh[BLOCK][T], sa[BLOCK][T], kv[BLOCK][2 * D][T];
  float h0[ROWS][D], at[ROWS][D], q[ROWS][D], score[ROWS][H][2][T], p[ROWS][H][T], o[ROWS][D];
  float h1[ROWS][D], m[ROWS][D], sm[ROWS], r[ROWS][E], h2[ROWS][D], logits[ROWS][V];
} Forward;

static void vision_forward(Forward *s, const Parameters *w) {
  const int B = s->images;
  linear(s->y[0], s->x[0], w->pixels[0], B, P, PIXEL_ROWS, 0);
  for (int i = 0; i < B; i++) {
    const float *y = s->y[i];
    float *c = s->features[i];
    for (int e = 0; e < 2; e++) {
      for (int j = 0; j < M; j++) s->v[e][i][j] = y[20 * e + j] * y[20 * e + 10 + j];
      s->norm[e][i] = unit(s->f[e][i], s->v[e][i], M);
      for (int j = 0; j < N; j++) s->ab[e][i][j] = dot(w->tensor[e][j], s->f[e][i], M);
    }
    for (int j = 0; j < N; j++) c[j] = s->ab[0][i][j] * s->ab[1][i][j];
    for (int j = 0; j < 8; j++) {
      c[N + j] = y[40 + j] * y[48 + j];
      c[N + 8 + j] = y[56 + j] * y[64 + j] * y[72 + j];
    }
    s->feature_norm[i] = unit(s->unit[i], c, F);
  }
  linear(s->lr[0], s->unit[0], w->vision[0], B, F, 2 * D, 0);
}

/// The positions of image i: norms, keys and values.
static void positions_forward(Forward *s, const Parameters *w, int i, float wpe[D][F]) {
  const int first = s->first[i], n = s->first[i + 1] - first;
  float e[D][T] = {{0}};
  for (int c = 0; c < D; c++) {
    const float base = s->lr[i][c] * s->lr[i][D + c];
    for (int j = 0; j < F; j++) e[c][j] = base + wpe[c][j];
    for (int t = 0; t < n; t++) e[c][F + t] = w->wte[s->token[first + t]][c] + w->wpe[F + t][c];
  }
  rmsnorm_columns(s->h[i], s->sh[i], e);
  rmsnorm_columns(s->a[i], s->sa[i], s->h[i]);
  product(s->kv[i][0], T, w->wqkv[D], D, 1, s->a[i][0], T, 2 * D, T, D, 0);
  for (int t = 0; t < n; t++) {
    for (int c = 0; c < D; c++) s->h0[first + t][c] = s->h[i][c][F + t], s->at[first + t][c] = s->a[i][c][F + t];
  }
}

/// Text position t of image i: score = (q1 . k1)(q2 . k2) / HEAD, causal softmax, weighted values.
static void attention_forward(Forward *s, int i, int t) {
  const int row = s->first[i] + t, keys = F + t + 1;
  for (int h = 0; h < H; h++) {
    float *p = s->p[row][h], most = -1e30f, sum = 0;
    for (int half = 0; half < 2; half++) {
      float *score = s->score[row][h][half];
      for (int j = 0; j < T; j++) score[j] = 0;
      for (int c = h * HEAD + half * HALF; c < h * HEAD + (half + 1) * HALF; c++) {
        const float q = s->q[row][c];
        for (int j = 0; j < T; j++) score[j] += q * s->kv[i][c][j];
      }
    }
    for (int j = 0; j < T; j++) p[j] = s->score[row][h][0][j] * s->score[row][h][1][j] / HEAD;
    for (int j = 0; j < keys; j++) most = fmaxf(most, p[j]);
    for (int j = 0; j < T; j++) p[j] = j < keys ? expf(p[j] - most) : 0;
    for (int j = 0; j < T; j++) sum += p[j];
    for (int j = 0; j < T; j++) p[j] /= sum;
    for (int c = h * HEAD; c < (h + 1) * HEAD; c++) s->o[row][c] = dot(p, s->kv[i][D + c], T);
  }
}

static void forward(Forward *s, const Parameters *w) {
  const int n = s->rows;
  float wpe[D][F];
  transpose(wpe[0], w->wpe[0], F, D);
  vision_forward(s, w);
  for (int i = 0; i < s->images; i++) positions_forward(s, w, i, wpe);
  linear(s->q[0], s->at[0], w->wqkv[0], n, D, D, 0);
  for (int i = 0; i < s->images; i++) {
    for (int t = 0; t < s->first[i + 1] - s->first[i]; t++) attention_forward(s, i, t);
  }
  memcpy(s->h1, s->h0, n * sizeof s->h1[0]);
  linear(s->h1[0], s->o[0], w->wo[0], n, D, D, 1);
  for (int row = 0; row < n; row++) s->sm[row] = rmsnorm(s->m[row], s->h1[row]);
  linear(s->r[0], s->m[0], w->fc1[0], n, D, E, 0);
  for (int row = 0; row < n; row++) {
    for (int j = 0; j < E; j++) s->r[row][j] = fmaxf(s->r[row][j], 0);
  }
  memcpy(s->h2, s->h1, n * sizeof s->h2[0]);
  linear(s->h2[0], s->r[0], w->fc2[0], n, E, D, 1);
  linear(s->logits[0], s->h2[0], w->lm_head[0], n, D, V, 0);
}

/// Text position t of image i: dq, and what it adds to the image's dkv.
static void attention_backward(const Forward *s, int i, int t, float *dq, const float *dout, float dkv[2 * D][T]) {
  const int row = s->first[i] + t;
  for (int h = 0; h < H; h++) {
    const float *p = s->p[row][h];
    float ds[T] = {0}, mean = 0;
    for (int c = h * HEAD; c < (h + 1) * HEAD; c++) {
      const float d = dout[c];
      for (int j = 0; j < T; j++) ds[j] += d * s->kv[i][D + c][j], dkv[D + c][j] += d * p[j];
    }
    for (int j = 0; j < T; j++) mean += p[j] * ds[j];
    for (int j = 0; j < T; j++) ds[j] = p[j] * (ds[j] - mean) / HEAD;
    for (int half = 0; half < 2; half++) {
      float dscore[T];
      for (int j = 0; j < T; j++) dscore[j] = ds[j] * s->score[row][h][1 - half][j];
      for (int c = h * HEAD + half * HALF; c < h * HEAD + (half + 1) * HALF; c++) {
        const float q = s->q[row][c];
        dq[c] = dot(dscore, s->kv[i][c], T);
        for (int j = 0; j < T; j++) dkv[c][j] += q * dscore[j];
      }
    }
  }
}

/// The positions of image i, from dkv and, at its text rows, from da and dh1: their embeddings' gradients.
static void positions_backward(const Forward *s, const Parameters *w, Parameters *g, int i, float dkv[2 * D][T],
                               float (*dat)[D], float (*dh1)[D], float dwpe[D][F], float dbase[D]) {
  const int first = s->first[i], n = s->first[i + 1] - first;
  float rows[T][D], da[D][T], dh[D][T];
  transpose(rows[0], s->a[i][0], D, T);
  product(g->wqkv[D], D, dkv[0], T, 1, rows[0], D, 2 * D, D, F + n, 1);
  product(da[0], T, w->wqkv[D], 1, D, dkv[0], T, D, T, 2 * D, 0);
  for (int t = 0; t < n; t++) {
    for (int c = 0; c < D; c++) da[c][F + t] += dat[first + t][c];
  }
  rmsnorm_columns_backward(dh, da, (float(*)[T])s->a[i], s->sa[i]);
  for (int t = 0; t < n; t++) {
    for (int c = 0; c < D; c++) dh[c][F + t] += dh1[first + t][c];
  }
  rmsnorm_columns_backward(da, dh, (float(*)[T])s->h[i], s->sh[i]);
  for (int c = 0; c < D; c++) {
    dbase[c] = 0;
    for (int j = 0; j < F; j++) dwpe[c][j] += da[c][j], dbase[c] += da[c][j];
    for (int t = 0; t < n; t++) {
      g->wte[s->token[first + t]][c] += da[c][F + t];
      g->wpe[F + t][c] += da[c][F + t];
    }
  }
}

/// The gradient of weight Σ clip(r, 0, 10), r = nᵀ G n - 2 n.n + x.x, n = unit(g2), G = (L^ L^ᵀ) * (R^ R^ᵀ), L^ and R^
/// being C0 and C1 with unit rows: adds into dy and g. It is 0 where the clip holds.
static void reconstruction_backward(const Forward *s, const Parameters *w, Parameters *g, float (*dy)[PIXEL_ROWS],
                                    float weight) {
  float rows[2][8][P], norms[2][8], gram[2][8][8], dgram[8][8] = {{0}};
  for (int e = 0; e < 2; e++) {
    for (int j = 0; j < 8; j++) norms[e][j] = unit(rows[e][j], w->pixels[40 + 8 * e + j], P);
    for (int j = 0; j < 8; j++) {
      for (int k = 0; k < 8; k++) gram[e][j][k] = dot(rows[e][j], rows[e][k], P);
    }
  }
  int live = 0;
  for (int i = 0; i < s->images; i++) {
    const float *g2 = s->features[i] + N;
    float n[8], gn[8], dn[8], dg2[8], norm = unit(n, g2, 8), value = dot(s->x[i], s->x[i], P);
    for (int j = 0; j < 8; j++) {
      gn[j] = 0;
      for (int k = 0; k < 8; k++) gn[j] += gram[0][j][k] * gram[1][j][k] * n[k];
      value += (gn[j] - 2 * n[j]) * n[j];
    }
    if (!(value > 0 && value < 10)) continue;
    live = 1;
    for (int j = 0; j < 8; j++) dn[j] = weight * (2 * gn[j] - 4 * n[j]);
    unit_backward(dg2, dn, g2, n, norm, 8);
    for (int j = 0; j < 8; j++) {
      dy[i][40 + j] += dg2[j] * s->y[i][48 + j];
      dy[i][48 + j] += dg2[j] * s->y[i][40 + j];
      for (int k = 0; k < 8; k++) dgram[j][k] += weight * n[j] * n[k];
    }
  }
  for (int e = 0; live && e < 2; e++) {
    for (int j = 0; j < 8; j++) {
      float drow[P] = {0}, dw[P];
      for (int k = 0; k < 8; k++) {
        for (int p = 0; p < P; p++) drow[p] += 2 * dgram[j][k] * gram[1 - e][j][k] * rows[e][k][p];
      }
      unit_backward(dw, drow, w->pixels[40 + 8 * e + j], rows[e][j], norms[e][j], P);
      for (int p = 0; p < P; p++) g->pixels[40 + 8 * e + j][p] += dw[p];
    }
  }
}

static void vision_backward(const Forward *s, const Parameters *w, Parameters *g, float (*dbase)[D], float recon) {
  const int B = s->images;
  float dlr[BLOCK][2 * D], df[BLOCK][F], dy[BLOCK][PIXEL_ROWS];
  for (int i = 0; i < B; i++) {
    for (int c = 0; c < D; c++) dlr[i][c] = dbase[i][c] * s->lr[i][D + c], dlr[i][D + c] = dbase[i][c] * s->lr[i][c];
  }
  linear_dw(g->vision[0], dlr[0], s->unit[0], B, F, 2 * D);
  linear_dx(df[0], dlr[0], w->vision[0], B, F, 2 * D, 0);
  for (int i = 0; i < B; i++) {
    const float *y = s->y[i];
    float dc[F];
    unit_backward(dc, df[i], s->features[i], s->unit[i], s->feature_norm[i], F);
    for (int e = 0; e < 2; e++) {
      float dfe[M] = {0}, dv[M];
      for (int j = 0; j < N; j++) {
        const float d = dc[j] * s->ab[1 - e][i][j];
        for (int k = 0; k < M; k++) g->tensor[e][j][k] += d * s->f[e][i][k], dfe[k] += d * w->tensor[e][j][k];
      }
      unit_backward(dv, dfe, s->v[e][i], s->f[e][i], s->norm[e][i], M);
      for (int k = 0; k < M; k++) {
        dy[i][20 * e + k] = dv[k] * y[20 * e + 10 + k];
        dy[i][20 * e + 10 + k] = dv[k] * y[20 * e + k];
      }
    }
    for (int j = 0; j < 8; j++) {
      const float d2 = dc[N + j], d3 = dc[N + 8 + j];
      dy[i][40 + j] = d2 * y[48 + j];
      dy[i][48 + j] = d2 * y[40 + j];
      dy[i][56 + j] = d3 * y[64 + j] * y[72 + j];
      dy[i][64 + j] = d3 * y[56 + j] * y[72 + j];
      dy[i][72 + j] = d3 * y[56 + j] * y[64 + j];
    }
  }
  if (recon > 0) reconstruction_backward(s, w, g, dy, recon);
  linear_dw(g->pixels[0], dy[0], s->x[0], B, P, PIXEL_ROWS);
}

/// Adds the gradient of Σ weight (-log p) + recon Σ reconstruction to g.
static void backward(const Forward *s, const Parameters *w, Parameters *g, float recon) {
  const int n = s->rows;
  static _Thread_local float dlogits[ROWS][V], dh1[ROWS][D], dr[ROWS][E], dm[ROWS][D], dout[ROWS][D], dq[ROWS][D],
      dat[ROWS][D], dbase[BLOCK][D];
  for (int row = 0; row < n; row++) {
    float most = -1e30f, sum = 0;
    for (int k = 0; k < V; k++) most = fmaxf(most, s->logits[row][k]);
    for (int k = 0; k < V; k++) sum += dlogits[row][k] = expf(s->logits[row][k] - most);
    for (int k = 0; k < V; k++) dlogits[row][k] = s->weight[row] * (dlogits[row][k] / sum - (k == s->target[row]));
  }
  linear_dw(g->lm_head[0], dlogits[0], s->h2[0], n, D, V);
  linear_dx(dh1[0], dlogits[0], w->lm_head[0], n, D, V, 0);
  linear_dw(g->fc2[0], dh1[0], s->r[0], n, E, D);
  linear_dx(dr[0], dh1[0], w->fc2[0], n, E, D, 0);
  for (int row = 0; row < n; row++) {
    for (int j = 0; j < E; j++) dr[row][j] = s->r[row][j] > 0 ? dr[row][j] : 0;
  }
  linear_dw(g->fc1[0], dr[0], s->m[0], n, D, E);
  linear_dx(dm[0], dr[0], w->fc1[0], n, D, E, 0);
  for (int row = 0; row < n; row++) rmsnorm_backward(dh1[row], dm[row], s->m[row], s->sm[row], 1);
  linear_dw(g->wo[0], dh1[0], s->o[0], n, D, D);
  linear_dx(dout[0], dh1[0], w->wo[0], n, D, D, 0);

  float dwpe[D][F] = {{0}};
  static _Thread_local float dkv[BLOCK][2 * D][T];
  memset(dkv, 0, s->images * sizeof dkv[0]);
  for (int i = 0; i < s->images; i++) {
    for (int row = s->first[i]; row < s->first[i + 1]; row++) {
      attention_backward(s, i, row - s->first[i], dq[row], dout[row], dkv[i]);
    }
  }
  linear_dw(g->wqkv[0], dq[0], s->at[0], n, D, D);
  linear_dx(dat[0], dq[0], w->wqkv[0], n, D, D, 0);
  for (int i = 0; i < s->images; i++) positions_backward(s, w, g, i, dkv[i], dat, dh1, dwpe, dbase[i]);
  for (int j = 0; j < F; j++) {
    for (int c = 0; c < D; c++) g->wpe[j][c] += dwpe[c][j];
  }
  vision_backward(s, w, g, dbase, recon);
}

// Training

/// The draw of numpy.random.RandomState(seed).randn: MT19937, 53-bit doubles, Marsaglia's polar method.
typedef struct {
  uint32_t key[624];
  int at, has_spare;
  double spare;
} Random;

static void seed_random(Random *r, uint32_t seed) {
  for (int i = 0; i < 624; i++) {
    r->key[i] = seed;
    seed = 1812433253u * (seed ^ (seed >> 30)) + (uint32_t)i + 1;
  }
  r->at = 624;
  r->has_spare = 0;
}

static uint32_t word(Random *r) {
  if (r->at == 624) {
    for (int i = 0; i < 624; i++) {
      const uint32_t y = (r->key[i] & 0x80000000u) | (r->key[(i + 1) % 624] & 0x7fffffffu);
      r->key[i] = r->key[(i + 397) % 624] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfu : 0);
    }
    r->at = 0;
  }
  uint32_t y = r->key[r->at++];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680u;
  y ^= (y << 15) & 0xefc60000u;
  return y ^ (y >> 18);
}

static double uniform(Random *r) {
  const uint32_t a = word(r) >> 5, b = word(r) >> 6;
  return (a * 67108864.0 + b) / 9007199254740992.0;
}

static double gaussian(Random *r) {
  if (r->has_spare) return r->has_spare = 0, r->spare;
  double x, y, square;
  do {
    x = 2 * uniform(r) - 1;
    y = 2 * uniform(r) - 1;
    square = x * x + y * y;
  } while (square >= 1 || square == 0);
  const double f = sqrt(-2 * log(square) / square);
  r->has_spare = 1;
  r->spare = f * x;
  return f * y;
}

static void draw(Parameters *w, uint32_t seed) {
  Random r;
  seed_random(&r, seed);
  const struct {
    float *at;
    size_t count;
    double deviation;
  } tensors[] = {{w->pixels[0], 40 * P, .05}, {w->tensor[0][0], 2 * N * M, .08}, {w->pixels[40], 40 * P, .05},
                 {(float *)w + offsetof(Parameters, vision) / sizeof(float),
                  COUNT - offsetof(Parameters, vision) / sizeof(float), .08}};
  for (int i = 0; i < 4; i++) {
    for (size_t j = 0; j < tensors[i].count; j++) tensors[i].at[j] = (float)(gaussian(&r) * tensors[i].deviation);
  }
}

/// Scales a gradient to `limit`, by limit / (norm + 1e-8), if its norm is larger; returns its norm squared after that.
static double clip(float *g, size_t n, double limit) {
  double square = 0;
  for (size_t i = 0; i < n; i++) square += (double)g[i] * g[i];
  const double norm = sqrt(square), scale = norm > limit ? limit / (norm + 1e-8) : 1;
  for (size_t i = 0; scale != 1 && i < n; i++) g[i] *= (float)scale;
  return square * scale * scale;
}

static int adam(Parameters *w, Parameters *g, Parameters *m, Parameters *v, int step) {
  static const int starts[] = {0, 10, 20, 30, 40, 48, 56, 64, 72, 80};
  double square = clip(g->tensor[0][0], N * M, 1) + clip(g->tensor[1][0], N * M, 1);
  for (int i = 0; i < 9; i++) square += clip(g->pixels[starts[i]], (size_t)(starts[i + 1] - starts[i]) * P, 1);
  float *p = (float *)w, *dp = (float *)g, *pm = (float *)m, *pv = (float *)v;
  const size_t rest = offsetof(Parameters, vision) / sizeof(float);
  for (size_t i = rest; i < COUNT; i++) square += (double)dp[i] * dp[i];
  // -ffast-math knows no NaN: what is not finite is not below infinity in its bits.
  union {
    double value;
    uint64_t bits;
  } total = {square};
  if ((total.bits >> 52 & 0x7ff) == 0x7ff) return 0;
  const float norm = (float)sqrt(square), scale = norm > 5 ? 5 / (norm + 1e-8f) : 1;
  const float rate = (float)(0.003 * (1 - step / 7000.0) / (1 - pow(0.85, step + 1)));
  const float correction = (float)(1 / (1 - pow(0.99, step + 1)));
  for (size_t i = 0; i < COUNT; i++) {
    const float d = scale * dp[i];
    pm[i] = 0.85f * pm[i] + 0.15f * d;
    pv[i] = 0.99f * pv[i] + 0.01f * d * d;
    p[i] -= rate * pm[i] / (sqrtf(pv[i] * correction) + 1e-8f);
  }
  return 1;
}

/// Adds an image that stands for 1 / batch of the loss to a block.
static void add_image(Forward *s, const float *x, int label, int batch) {
  const int i = s->images++, n = (int)strlen(NAMES[label]) + 1;
  memcpy(s->x[i], x, sizeof s->x[i]);
  s->label[i] = label;
  s->first[i] = s->rows;
  for (int t = 0; t < n; t++, s->rows++) {
    s->token[s->rows] = t == 0 ? BOS : (int)(strchr(LETTERS, NAMES[label][t - 1]) - LETTERS);
    s->target[s->rows] = t == n - 1 ? EOS : (int)(strchr(LETTERS, NAMES[label][t]) - LETTERS);
    s->weight[s->rows] = 1.0f / (float)(n * batch);
  }
  s->first[i + 1] = s->rows;
}

typedef struct {
  int count;
  float (*x)[P];
  uint8_t *labels;
} Images;

/// The bytes of an IDX file behind its header of `header` bytes, whose last 4 or 12 are sizes.
static uint8_t *read_idx(const char *folder, const char *name, long header, long *count) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "rb");
  if (!file) fail("cannot be opened", path);
  fseek(file, 0, SEEK_END);
  *count = ftell(file) - header;
  uint8_t *bytes = *count > 0 ? malloc((size_t)*count) : NULL;
  fseek(file, header, SEEK_SET);
  if (!bytes || fread(bytes, 1, (size_t)*count, file) != (size_t)*count) fail("is no whole IDX file", path);
  fclose(file);
  return bytes;
}

/// Pooled to 14 x 14, x / (|x| + 1e-8).
static Images load(const char *folder, const char *images, const char *labels) {
  long bytes, count;
  uint8_t *pixels = read_idx(folder, images, 16, &bytes);
  Images result = {0, NULL, read_idx(folder, labels, 8, &count)};
  if (bytes != count * 784) fail("has not as many images as there are labels", images);
  result.count = (int)count;
  result.x = malloc((size_t)count * sizeof *result.x);
  if (!result.x) fail("no memory", images);
  for (long i = 0; i < count; i++) {
    if (result.labels[i] > 9) fail("has a label above 9", labels);
    float v[P];
    for (int r = 0; r < 14; r++) {
      for (int c = 0; c < 14; c++) {
        const uint8_t *at = pixels + i * 784 + 56 * r + 2 * c;
        v[14 * r + c] = (float)(at[0] + at[1] + at[28] + at[29]) / (4 * 255.0f);
      }
    }
    unit(result.x[i], v, P);
  }
  free(pixels);
  return result;
}

static double now(void) {
  struct timespec t;
  timespec_get(&t, TIME_UTC);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double train(Parameters *w, const Images *images, int steps, int batch, int threads) {
  static Parameters m, v;
  const int blocks = (batch + BLOCK - 1) / BLOCK;
  Parameters *g = calloc((size_t)blocks, sizeof *g);
  Forward *s = calloc((size_t)blocks, sizeof *s);
  if (!g || !s) fail("no memory", "train");
  const double start = now();
  for (int step = 0; step < steps; step++) {
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int b = 0; b < blocks; b++) {
      s[b].images = s[b].rows = 0;
      for (int i = b * BLOCK; i < batch && i < (b + 1) * BLOCK; i++) {
        const long image = ((long)step * batch + i) % images->count;
        add_image(&s[b], images->x[image], images->labels[image], batch);
      }
      memset(&g[b], 0, sizeof g[b]);
      forward(&s[b], w);
      backward(&s[b], w, &g[b], 0.01f / (float)batch);
    }
    for (int b = 1; b < blocks; b++) {
      for (size_t i = 0; i < COUNT; i++) ((float *)g)[i] += ((float *)&g[b])[i];
    }
    if (!adam(w, &g[0], &m, &v, step)) fail("the gradient is not finite", "train");
  }
  const double seconds = now() - start;
  free(g);
  free(s);
  return seconds;
}

/// The share of images whose name is spelled: generation has the true prefix before it up to its first wrong letter.
static double accuracy(const Parameters *w, const Images *images) {
  static Forward s;
  int right = 0;
  for (int i = 0; i < images->count; i += BLOCK) {
    s.images = s.rows = 0;
    for (int j = i; j < images->count && j < i + BLOCK; j++) add_image(&s, images->x[j], images->labels[j], 1);
    forward(&s, w);
    for (int image = 0; image < s.images; image++) {
      int all = 1;
      for (int row = s.first[image]; row < s.first[image + 1]; row++) {
        int best = 0;
        for (int k = 1; k < V; k++) best = s.logits[row][k] > s.logits[row][best] ? k : best;
        all &= best == s.target[row];
      }
      right += all;
    }
  }
  return (double)right / images->count;
}

/// Reads COUNT parameters, an image (P), and, as floats too, its label, the weight of the reconstruction and the number
/// of copies of it that are the batch; writes the gradient. All are float32.
static void gradient_of_standard_input(void) {
  static Parameters w, g;
  static Forward s;
  float x[P], rest[3];
  if (fread(&w, sizeof w, 1, stdin) != 1 || fread(x, sizeof x, 1, stdin) != 1 ||
      fread(rest, sizeof rest, 1, stdin) != 1) {
    fail("too short", "standard input");
  }
  const int label = (int)rest[0], copies = (int)rest[2];
  if (label < 0 || label > 9 || copies < 1 || copies > BLOCK) fail("a label or a number out of range", "standard input");
  for (int i = 0; i < copies; i++) add_image(&s, x, label, copies);
  forward(&s, &w);
  backward(&s, &w, &g, rest[1] / (float)copies);
  fwrite(&g, sizeof g, 1, stdout);
}

int main(int count, char **words) {
  const char *usage = "usage: c_peer FOLDER [--steps N] [--batch N] [--threads N], or c_peer --gradient";
  if (count == 2 && strcmp(words[1], "--gradient") == 0) return gradient_of_standard_input(), 0;
  if (count < 2 || count % 2 != 0 || words[1][0] == '-') fail(usage, "arguments");
  int steps = 7000, batch = 1, threads = 1;
  for (int i = 2; i < count; i += 2) {
    int *setting = !strcmp(words[i], "--steps") ? &steps : !strcmp(words[i], "--batch") ? &batch
                   : !strcmp(words[i], "--threads") ? &threads : NULL;
    if (!setting || (*setting = atoi(words[i + 1])) < 1) fail(usage, words[i]);
  }
  if (steps > 7000 || batch > BLOCK * MOST_BLOCKS) fail("at most 7000 steps, of at most 2048 images", "arguments");
  static Parameters w;
  draw(&w, 42);
  const Images images = load(words[1], "train-images-idx3-ubyte", "train-labels-idx1-ubyte");
  const Images test = load(words[1], "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte");
  const double seconds = train(&w, &images, steps, batch, threads);
  printf("{\"train_seconds\": %.6f, \"test_accuracy\": %.4f}\n", seconds, accuracy(&w, &test));
  return 0;
}
