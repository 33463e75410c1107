// MLP: y = W2 relu(W1 x).

static void mlp_forward(float *y, float *hidden, const float *x, const float *w1, const float *w2, ptrdiff_t n,
                        ptrdiff_t D, ptrdiff_t E, int accumulate) {
  matmul_forward(hidden, x, w1, n, D, E, 0);
  VLM_FOR_VECTORS(j, part, n * E, {
    vf z = get(hidden + j, part);
    put(hidden + j, choose(z < 0, (vf){0}, z), part);  // as a comparison: NaN stays, and max would drop it
  });
  matmul_forward(y, hidden, w2, n, E, D, accumulate);
}

static void mlp_backward(float *dx, float *dw1, float *dw2, float *dhidden, const float *dy, const float *hidden,
                         const float *x, const float *w1, const float *w2, ptrdiff_t n, ptrdiff_t D, ptrdiff_t E,
                         int accumulate) {
  matmul_backward_weight(dw2, dy, hidden, n, E, D, accumulate);
  matmul_backward_input(dhidden, dy, w2, n, E, D, 0);
  VLM_FOR_VECTORS(j, part, n * E, {
    put(dhidden + j, choose(get(hidden + j, part) > 0, get(dhidden + j, part), (vf){0}), part);
  });
  matmul_backward_weight(dw1, dhidden, x, n, D, E, accumulate);
  matmul_backward_input(dx, dhidden, w1, n, D, E, 0);
}
