// Matmul: Y = X Wᵀ, dX = dY W, dW = dYᵀ X.
//
// All three are C = A B with a sum over rows of B, so that vectors of C's columns need no horizontal sums: only
// forward's Wᵀ has to be turned first, a few columns at a time.

/// The left factor of a product: element (r, t) at p[r row + t term].
typedef struct {
  const float *p;
  ptrdiff_t row, term;
} left_factor;

enum {
  // 6 x 2 accumulators: enough independent sums to hide the latency of an FMA, and with two vectors of B and one
  // broadcast they fill the 16 registers of AVX2.
  TILE_ROWS = 6,
  TILE_VECTORS = 2,
  TILE_COLUMNS = TILE_VECTORS * VLM_LANES,
  // A block of B's columns, 64 bytes wide or 128, times this depth stays in the first-level cache.
  TILE_DEPTH = 128,
  // As many rows of B, two vectors of each, stay in registers.
  FEW_TERMS = 6,
  // 3 x 4 dot products at a time, for the same reason as 6 x 2.
  DOT_ROWS = 3,
  DOT_LIMIT = 8,
  // Of the default model: known to the compiler, the rows of few dot products cost no arithmetic of their own.
  USUAL_WIDTH = 32,
};

/// Sums that each element of a tile is split into, so that there are enough of them even in a small tile.
VLM_INLINE int sums_of(const int rows, const int vectors) {
  return rows * vectors <= 2 ? 4 : rows * vectors <= 4 ? 2 : 1;
}

/// s[r][:] += a[r, t] B[t][:] for one t.
VLM_INLINE void add_term(vf s[TILE_ROWS][TILE_VECTORS], left_factor a, const float *b, ptrdiff_t ldb, ptrdiff_t t,
                         const int rows, const int vectors, ptrdiff_t last) {
  vf bt[TILE_VECTORS];
  for (int v = 0; v < vectors; v++) bt[v] = get(b + t * ldb + v * L, v + 1 < vectors ? L : last);
  for (int r = 0; r < rows; r++) {
    vf art = splat(a.p[r * a.row + t * a.term]);
    for (int v = 0; v < vectors; v++) s[r][v] += art * bt[v];
  }
}

/// C[r][:] = Σ_t a[r, t] B[t][:], or added to C, for `rows` x `vectors` (constants, so that the sums are registers). The
/// last vector has `last` live columns.
VLM_INLINE void tile(float *c, ptrdiff_t ldc, left_factor a, const float *b, ptrdiff_t ldb, ptrdiff_t depth,
                     const int rows, const int vectors, ptrdiff_t last, int accumulate) {
  const int sums = sums_of(rows, vectors);
  vf s[4][TILE_ROWS][TILE_VECTORS] = {0};
  if (accumulate) {
    for (int r = 0; r < rows; r++) {
      for (int v = 0; v < vectors; v++) s[0][r][v] = get(c + r * ldc + v * L, v + 1 < vectors ? L : last);
    }
  }
  ptrdiff_t t = 0;
  for (; t + sums <= depth; t += sums) {
    for (int i = 0; i < sums; i++) add_term(s[i], a, b, ldb, t + i, rows, vectors, last);
  }
  for (; sums > 1 && t < depth; t++) add_term(s[0], a, b, ldb, t, rows, vectors, last);
  for (int r = 0; r < rows; r++) {
    for (int v = 0; v < vectors; v++) {
      for (int i = sums / 2; i > 0; i /= 2) {
        for (int j = 0; j < i; j++) s[j][r][v] += s[i + j][r][v];
      }
      put(c + r * ldc + v * L, s[0][r][v], v + 1 < vectors ? L : last);
    }
  }
}

/// A tile whose number of columns is met at run time.
VLM_INLINE void tile_rows(float *c, ptrdiff_t ldc, left_factor a, const float *b, ptrdiff_t ldb, ptrdiff_t depth,
                          const int rows, ptrdiff_t columns, int accumulate) {
  if (columns == TILE_COLUMNS) tile(c, ldc, a, b, ldb, depth, rows, 2, L, accumulate);
  else if (columns > L) tile(c, ldc, a, b, ldb, depth, rows, 2, columns - L, accumulate);
  else if (columns == L) tile(c, ldc, a, b, ldb, depth, rows, 1, L, accumulate);
  else tile(c, ldc, a, b, ldb, depth, rows, 1, columns, accumulate);
}

/// C = A B, or added to C, for at most TILE_COLUMNS columns and any number of rows.  C (n, columns), A (n, depth).
static void strip(float *c, ptrdiff_t ldc, left_factor a, const float *b, ptrdiff_t ldb, ptrdiff_t n, ptrdiff_t depth,
                  ptrdiff_t columns, int accumulate) {
  while (n > 0) {
    // 7, 8 and 9 rows in two equal tiles: a tile of one or two rows would wait for its own sums.
    ptrdiff_t rows = n <= TILE_ROWS ? n : n < TILE_ROWS + 4 ? (n + 1) / 2 : TILE_ROWS;
    switch (rows) {
    case 1: tile_rows(c, ldc, a, b, ldb, depth, 1, columns, accumulate); break;
    case 2: tile_rows(c, ldc, a, b, ldb, depth, 2, columns, accumulate); break;
    case 3: tile_rows(c, ldc, a, b, ldb, depth, 3, columns, accumulate); break;
    case 4: tile_rows(c, ldc, a, b, ldb, depth, 4, columns, accumulate); break;
    case 5: tile_rows(c, ldc, a, b, ldb, depth, 5, columns, accumulate); break;
    default: tile_rows(c, ldc, a, b, ldb, depth, 6, columns, accumulate); break;
    }
    n -= rows;
    c += rows * ldc;
    a.p += rows * a.row;
  }
}

/// C = A B, or added to C, for a depth (a constant) of few terms: rows of B stay in registers, and rows of C pass.
VLM_INLINE void few_terms(float *c, ptrdiff_t ldc, left_factor a, const float *b, ptrdiff_t ldb, ptrdiff_t n,
                          const int depth, const int vectors, ptrdiff_t last, int accumulate) {
  vf bt[FEW_TERMS][TILE_VECTORS];
  for (int t = 0; t < depth; t++) {
    for (int v = 0; v < vectors; v++) bt[t][v] = get(b + t * ldb + v * L, v + 1 < vectors ? L : last);
  }
  for (ptrdiff_t r = 0; r < n; r++, c += ldc, a.p += a.row) {
    vf s[TILE_VECTORS] = {0};
    if (accumulate) {
      for (int v = 0; v < vectors; v++) s[v] = get(c + v * L, v + 1 < vectors ? L : last);
    }
    for (int t = 0; t < depth; t++) {
      vf art = splat(a.p[t * a.term]);
      for (int v = 0; v < vectors; v++) s[v] += art * bt[t][v];
    }
    for (int v = 0; v < vectors; v++) put(c + v * L, s[v], v + 1 < vectors ? L : last);
  }
}

/// The same whose number of columns is met at run time, at most TILE_COLUMNS.
VLM_INLINE void few_terms_of(float *c, ptrdiff_t ldc, left_factor a, const float *b, ptrdiff_t ldb, ptrdiff_t n,
                             const int depth, ptrdiff_t columns, int accumulate) {
  if (columns == TILE_COLUMNS) few_terms(c, ldc, a, b, ldb, n, depth, 2, L, accumulate);
  else if (columns > L) few_terms(c, ldc, a, b, ldb, n, depth, 2, columns - L, accumulate);
  else few_terms(c, ldc, a, b, ldb, n, depth, 1, columns, accumulate);
}

/// The product for 1 to FEW_TERMS terms.
static void shallow_product(float *c, ptrdiff_t ldc, left_factor a, const float *b, ptrdiff_t ldb, ptrdiff_t n,
                            ptrdiff_t depth, ptrdiff_t columns, int accumulate) {
  for (ptrdiff_t j = 0; j < columns; j += TILE_COLUMNS, c += TILE_COLUMNS, b += TILE_COLUMNS) {
    const ptrdiff_t width = least(TILE_COLUMNS, columns - j);
    switch (depth) {
    case 1: few_terms_of(c, ldc, a, b, ldb, n, 1, width, accumulate); break;
    case 2: few_terms_of(c, ldc, a, b, ldb, n, 2, width, accumulate); break;
    case 3: few_terms_of(c, ldc, a, b, ldb, n, 3, width, accumulate); break;
    case 4: few_terms_of(c, ldc, a, b, ldb, n, 4, width, accumulate); break;
    case 5: few_terms_of(c, ldc, a, b, ldb, n, 5, width, accumulate); break;
    default: few_terms_of(c, ldc, a, b, ldb, n, 6, width, accumulate); break;
    }
  }
}

/// C = A B, or added to C.  C (n, columns), A (n, depth), B (depth, columns).
static void product(float *c, ptrdiff_t ldc, left_factor a, const float *b, ptrdiff_t ldb, ptrdiff_t n, ptrdiff_t depth,
                    ptrdiff_t columns, int accumulate) {
  ptrdiff_t t = 0;
  do {
    ptrdiff_t terms = least(TILE_DEPTH, depth - t);
    left_factor block = {a.p + t * a.term, a.row, a.term};
    for (ptrdiff_t j = 0; j < columns; j += TILE_COLUMNS) {
      strip(c + j, ldc, block, b + t * ldb + j, ldb, n, terms, least(TILE_COLUMNS, columns - j), accumulate || t > 0);
    }
    t += terms;
  } while (t < depth);
}

/// panel[t] = component t of `count` rows of W, for t < depth. Rows beyond the last one repeat it.
VLM_INLINE void pack(float *panel, const float *w, ptrdiff_t ldw, ptrdiff_t count, ptrdiff_t depth) {
  for (ptrdiff_t v = 0; v < count; v += L) {
    const float *rows[L];
    for (ptrdiff_t o = 0; o < L; o++) rows[o] = w + (v + L <= count ? v + o : least(v + o, count - 1)) * ldw;
    ptrdiff_t t = 0;
    for (; t + 4 <= depth; t += 4) {
      vf columns[4];
      transpose(columns, rows, t);
      for (int c = 0; c < 4; c++) store(panel + (t + c) * TILE_COLUMNS + v, columns[c]);
    }
    for (; t < depth; t++) {
      for (ptrdiff_t o = 0; o < L; o++) panel[t * TILE_COLUMNS + v + o] = rows[o][t];
    }
  }
}

/// s_ro += x_rc w_oc for a vector of components c, of which `part` are live.
VLM_INLINE void add_components(vf s[DOT_ROWS][8], const float *x, ptrdiff_t ldx, const float *w, ptrdiff_t k,
                               ptrdiff_t part, const int rows, const int outputs) {
  vf xc[DOT_ROWS];
  for (int r = 0; r < rows; r++) xc[r] = get(x + r * ldx, part);
  for (int o = 0; o < outputs; o++) {
    vf wc = get(w + o * k, part);
    for (int r = 0; r < rows; r++) s[r][o] += xc[r] * wc;
  }
}

/// y_ro = x_r · w_o, or added to y, for `rows` x `outputs` (constants; outputs 4 or 8) at once, with vectors along k.
VLM_INLINE void dots(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx, const float *w, ptrdiff_t k,
                     const int rows, const int outputs, int accumulate) {
  vf s[DOT_ROWS][8] = {0};
  ptrdiff_t c = 0;
  // Unrolled further, the compiler would hold W in registers, and so the sums in memory.
  VLM_UNROLL(2)
  for (; c + L <= k; c += L) add_components(s, x + c, ldx, w + c, k, L, rows, outputs);
  if (c < k) add_components(s, x + c, ldx, w + c, k, k - c, rows, outputs);
  // Unrolled, or the sums would be addressed, so kept in memory.
  VLM_UNROLL_WHOLE
  for (int r = 0; r < rows; r++) {
    VLM_UNROLL_WHOLE
    for (int o = 0; o < outputs; o += 4) {
      v4 four = sums(s[r][o], s[r][o + 1], s[r][o + 2], s[r][o + 3]);
      if (accumulate) four += load4(y + r * ldy + o);
      __builtin_memcpy(y + r * ldy + o, &four, sizeof four);
    }
  }
}

/// One column of Y, `rows` (a constant) of them: their sums at once.
VLM_INLINE void column_by_dots(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx, const float *w, ptrdiff_t k,
                               const int rows, int accumulate) {
  vf s[4] = {0};
  VLM_FOR_VECTORS(c, part, k, {
    const vf wc = get(w + c, part);
    for (int r = 0; r < rows; r++) s[r] += get(x + r * ldx + c, part) * wc;
  });
  const v4 four = sums(s[0], s[1], s[2], s[3]);
  for (int r = 0; r < rows; r++) y[r * ldy] = four[r] + (accumulate ? y[r * ldy] : 0);
}

/// `rows` (a constant) rows of Y = X Wᵀ.
VLM_INLINE void rows_by_dots(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx, const float *w, ptrdiff_t k,
                             ptrdiff_t m, const int rows, int accumulate) {
  ptrdiff_t o = 0;
  for (; o + 4 <= m; o += 4) dots(y + o, ldy, x, ldx, w + o * k, k, rows, 4, accumulate);
  for (; o < m; o++) column_by_dots(y + o, ldy, x, ldx, w + o * k, k, rows, accumulate);
}

/// One row, which has its eight sums from eight outputs.
VLM_INLINE void row_by_dots(float *y, const float *x, const float *w, ptrdiff_t k, ptrdiff_t m, int accumulate) {
  ptrdiff_t o = 0;
  for (; o + 8 <= m; o += 8) dots(y + o, m, x, k, w + o * k, k, 1, 8, accumulate);
  for (; o + 4 <= m; o += 4) dots(y + o, m, x, k, w + o * k, k, 1, 4, accumulate);
  for (; o < m; o++) y[o] = dot(x, w + o * k, k) + (accumulate ? y[o] : 0);
}

/// Few rows of Y = X Wᵀ.
static void forward_by_dots(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx, const float *w, ptrdiff_t n,
                            ptrdiff_t k, ptrdiff_t m, int accumulate) {
  const int usual = k == USUAL_WIDTH && ldx == USUAL_WIDTH;
  while (n > 0) {
    const ptrdiff_t rows = n == 4 ? 2 : least(n, DOT_ROWS);  // 4 rows as 2 + 2
    if (rows == 1) row_by_dots(y, x, w, k, m, accumulate);
    else if (rows == 2 && usual) rows_by_dots(y, ldy, x, USUAL_WIDTH, w, USUAL_WIDTH, m, 2, accumulate);
    else if (rows == 2) rows_by_dots(y, ldy, x, ldx, w, k, m, 2, accumulate);
    else if (usual) rows_by_dots(y, ldy, x, USUAL_WIDTH, w, USUAL_WIDTH, m, 3, accumulate);
    else rows_by_dots(y, ldy, x, ldx, w, k, m, 3, accumulate);
    n -= rows;
    y += rows * ldy;
    x += rows * ldx;
  }
}

/// Y = X Wᵀ, or added to Y, with W turned some columns at a time.
static void forward_by_panels(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx, const float *w, ptrdiff_t n,
                              ptrdiff_t k, ptrdiff_t m, int accumulate) {
  float panel[TILE_DEPTH * TILE_COLUMNS];
  for (ptrdiff_t o = 0; o < m; o += TILE_COLUMNS) {
    ptrdiff_t columns = least(TILE_COLUMNS, m - o);
    ptrdiff_t t = 0;
    do {
      ptrdiff_t depth = least(TILE_DEPTH, k - t);
      int add = accumulate || t > 0;
      pack(panel, w + o * k + t, k, columns, depth);
      strip(y + o, ldy, (left_factor){x + t, ldx, 1}, panel, TILE_COLUMNS, n, depth, columns, add);
      t += depth;
    } while (t < k);
  }
}

/// Y = X Wᵀ, or added to Y; rows of Y and X are ldy and ldx apart.
static void forward_product(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx, const float *w, ptrdiff_t n,
                            ptrdiff_t k, ptrdiff_t m, int accumulate) {
  // Turning W costs about as much as the horizontal sums of few rows.
  if (n <= DOT_LIMIT) forward_by_dots(y, ldy, x, ldx, w, n, k, m, accumulate);
  else forward_by_panels(y, ldy, x, ldx, w, n, k, m, accumulate);
}

static void matmul_forward(float *y, const float *x, const float *w, ptrdiff_t n, ptrdiff_t k, ptrdiff_t m,
                           int accumulate) {
  forward_product(y, m, x, k, w, n, k, m, accumulate);
}

/// dX = dY W: ∂y_o/∂x_c = w_oc.
static void matmul_backward_input(float *dx, const float *dy, const float *w, ptrdiff_t n, ptrdiff_t k, ptrdiff_t m,
                                  int accumulate) {
  product(dx, k, (left_factor){dy, m, 1}, w, k, n, m, k, accumulate);
}

/// dW = dYᵀ X: ∂y_o/∂w_oc = x_c.
static void matmul_backward_weight_rows(float *dw, const float *dy, ptrdiff_t lddy, const float *x, ptrdiff_t n,
                                        ptrdiff_t k, ptrdiff_t m, int accumulate) {
  // One row and long ones of dW: only stores, which are fastest in order.
  if (n == 1 && k > TILE_DEPTH && !accumulate) {
    for (ptrdiff_t o = 0; o < m; o++) {
      const vf dyo = splat(dy[o]);
      VLM_FOR_VECTORS(c, part, k, put(dw + o * k + c, dyo * get(x + c, part), part););
    }
    return;
  }
  left_factor dyt = {dy, 1, lddy};
  if (n > 0 && n <= FEW_TERMS) shallow_product(dw, k, dyt, x, k, m, n, k, accumulate);
  else product(dw, k, dyt, x, k, m, n, k, accumulate);
}

static void matmul_backward_weight(float *dw, const float *dy, const float *x, ptrdiff_t n, ptrdiff_t k, ptrdiff_t m,
                                   int accumulate) {
  matmul_backward_weight_rows(dw, dy, m, x, n, k, m, accumulate);
}
