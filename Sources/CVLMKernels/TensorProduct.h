// TensorProduct: y = (A x1) * (B x2). A row of factors is u = A x1 and then v = B x2.

static void tensor_product_forward(float *y, ptrdiff_t ldy, float *factors, const float *x1, const float *x2,
                                   const float *a, const float *b, ptrdiff_t n, ptrdiff_t k, ptrdiff_t m) {
  forward_product(factors, 2 * m, x1, k, a, n, k, m, 0);
  forward_product(factors + m, 2 * m, x2, k, b, n, k, m, 0);
  for (ptrdiff_t i = 0; i < n; i++) {
    const float *u = factors + i * 2 * m, *v = u + m;
    VLM_FOR_VECTORS(j, part, m, put(y + i * ldy + j, get(u + j, part) * get(v + j, part), part););
  }
}

static void tensor_product_backward(float *da, float *db, float *dx1, float *dx2, float *dfactors, const float *dy,
                                    ptrdiff_t lddy, const float *factors, const float *x1, const float *x2,
                                    const float *a, const float *b, ptrdiff_t n, ptrdiff_t k, ptrdiff_t m,
                                    int accumulate) {
  for (ptrdiff_t i = 0; i < n; i++) {
    const float *u = factors + i * 2 * m, *v = u + m;
    float *du = dfactors + i * 2 * m, *dv = du + m;
    VLM_FOR_VECTORS(j, part, m, {
      vf dyj = get(dy + i * lddy + j, part);
      put(du + j, dyj * get(v + j, part), part);
      put(dv + j, dyj * get(u + j, part), part);
    });
  }
  const float *du = dfactors, *dv = dfactors + m;
  matmul_backward_weight_rows(da, du, 2 * m, x1, n, k, m, accumulate);
  matmul_backward_weight_rows(db, dv, 2 * m, x2, n, k, m, accumulate);
  product(dx1, k, (left_factor){du, 2 * m, 1}, a, k, n, m, k, 0);
  product(dx2, k, (left_factor){dv, 2 * m, 1}, b, k, n, m, k, 0);
}
