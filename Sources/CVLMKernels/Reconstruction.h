// Reconstruction: value = clip(uᵀ G u - 2 u.u + x.x, 0, 10) with u = unit(g), G = (L^ L^ᵀ) * (R^ R^ᵀ).

/// gram = Ĉ Ĉᵀ for the unit rows Ĉ of c (m, P), and the norms of the rows, without making the unit rows: both follow from
/// C Cᵀ.
static void unit_gram(float *gram, float *norms, const float *c, ptrdiff_t P, ptrdiff_t m) {
  matmul_forward(gram, c, c, m, P, m, 0);
  for (ptrdiff_t a = 0; a < m; a++) norms[a] = square_root(gram[a * m + a]);
  for (ptrdiff_t a = 0; a < m; a++) {
    const float scale = 1 / (norms[a] + unit_norm_epsilon);
    VLM_FOR_VECTORS(b, part, m, {
      put(gram + a * m + b, get(gram + a * m + b, part) * scale / (get(norms + b, part) + unit_norm_epsilon), part);
    });
  }
}

static void reconstruction_forward(float *value, float *unit, float *norm, float *row_norms, float *grams,
                                   const float *g, ptrdiff_t ldg, const float *x, const float *c, ptrdiff_t n,
                                   ptrdiff_t P, ptrdiff_t m) {
  for (ptrdiff_t i = 0; i < n; i++) unit_norm_forward(unit + i * m, norm + i, g + i * ldg, 1, m);
  unit_gram(grams, row_norms, c, P, m);
  unit_gram(grams + m * m, row_norms + m, c + m * P, P, m);
  const float *left = grams, *right = grams + m * m;
  for (ptrdiff_t i = 0; i < n; i++) {
    const float *u = unit + i * m;
    float error = dot(x + i * P, x + i * P, P) - 2 * dot(u, u, m);
    for (ptrdiff_t a = 0; a < m; a++) {
      vf row = {0};
      VLM_FOR_VECTORS(b, part, m, {
        row += get(left + a * m + b, part) * get(right + a * m + b, part) * get(u + b, part);
      });
      error += u[a] * sum(row);
    }
    // As comparisons that are false for NaN, which so passes.
    value[i] = error < 0 ? 0 : error > 10 ? 10 : error;
  }
}

/// G is symmetric: du = w (2 G u - 4 u), and each of the two grams gets 2 w u uᵀ * (the other).
static void reconstruction_backward(float *dg, ptrdiff_t lddg, float *dc, float *rows, float *drows, float *dgrams,
                                    const float *weights, const float *value, const float *unit, const float *norm,
                                    const float *row_norms, const float *grams, const float *c, ptrdiff_t n,
                                    ptrdiff_t P, ptrdiff_t m) {
  const float *left = grams, *right = grams + m * m;
  zero(dgrams, 2 * m * m);
  for (ptrdiff_t i = 0; i < n; i++) {
    if (!(value[i] > 0 && value[i] < 10)) continue;
    const float *u = unit + i * m;
    float w = weights[i];
    float *du = drows;  // scratch until the grams are whole
    for (ptrdiff_t a = 0; a < m; a++) {
      vf row = {0};
      VLM_FOR_VECTORS(b, part, m, {
        ptrdiff_t ab = a * m + b;
        vf ub = get(u + b, part), l = get(left + ab, part), r = get(right + ab, part);
        vf dG = (2 * w * u[a]) * ub;
        row += l * r * ub;
        put(dgrams + ab, get(dgrams + ab, part) + dG * r, part);
        put(dgrams + m * m + ab, get(dgrams + m * m + ab, part) + dG * l, part);
      });
      du[a] = w * (2 * sum(row) - 4 * u[a]);
    }
    unit_norm_backward(du, du, u, norm + i, 1, m, 0);
    add_row(dg + i * lddg, du, m);
  }
  for (ptrdiff_t a = 0; a < 2 * m; a++) {
    const float scale = 1 / (row_norms[a] + unit_norm_epsilon);
    VLM_FOR_VECTORS(p, part, P, put(rows + a * P + p, get(c + a * P + p, part) * scale, part););
  }
  matmul_backward_input(drows, dgrams, rows, m, P, m, 0);
  matmul_backward_input(drows + m * P, dgrams + m * m, rows + m * P, m, P, m, 0);
  unit_norm_backward(drows, drows, rows, row_norms, 2 * m, P, 0);
  add_row(dc, drows, 2 * m * P);
}
