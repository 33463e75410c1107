// FeatureProduct: y = (W_0 x) * (W_1 x) * ... * (W_{R-1} x).

static void feature_product_forward(float *y, ptrdiff_t ldy, float *factors, const float *x, const float *w,
                                    ptrdiff_t n, ptrdiff_t k, ptrdiff_t m, ptrdiff_t R) {
  matmul_forward(factors, x, w, n, k, R * m, 0);
  for (ptrdiff_t i = 0; i < n; i++) {
    VLM_FOR_VECTORS(j, part, m, {
      vf yj = splat(1);
      for (ptrdiff_t r = 0; r < R; r++) yj *= get(factors + (i * R + r) * m + j, part);
      put(y + i * ldy + j, yj, part);
    });
  }
}

static void feature_product_backward(float *dw, float *dx, float *dfactors, const float *dy, ptrdiff_t lddy,
                                     const float *factors, const float *x, const float *w, ptrdiff_t n, ptrdiff_t k,
                                     ptrdiff_t m, ptrdiff_t R, int accumulate) {
  for (ptrdiff_t i = 0; i < n; i++) {
    const float *f = factors + i * R * m;
    VLM_FOR_VECTORS(j, part, m, {
      for (ptrdiff_t r = 0; r < R; r++) {
        vf others = get(dy + i * lddy + j, part);
        for (ptrdiff_t s = 0; s < R; s++) {
          if (s != r) others *= get(f + s * m + j, part);
        }
        put(dfactors + (i * R + r) * m + j, others, part);
      }
    });
  }
  if (dw) matmul_backward_weight(dw, dfactors, x, n, k, R * m, accumulate);
  if (dx) matmul_backward_input(dx, dfactors, w, n, k, R * m, 0);
}
