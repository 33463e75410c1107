// Gather: y_i = x_index(i), rows that stand in several places.

static void gather_forward(float *y, const float *x, const int32_t *index, ptrdiff_t n, ptrdiff_t k) {
  for (ptrdiff_t i = 0; i < n; i++) {
    VLM_FOR_VECTORS(c, part, k, put(y + i * k + c, get(x + index[i] * k + c, part), part););
  }
}

/// Scatter-add: a row's gradient is the sum over the places where it stands.
static void gather_backward(float *dx, const float *dy, const int32_t *index, ptrdiff_t n, ptrdiff_t u, ptrdiff_t k) {
  zero(dx, u * k);
  for (ptrdiff_t i = 0; i < n; i++) add_row(dx + index[i] * k, dy + i * k, k);
}
