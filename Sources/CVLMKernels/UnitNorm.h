// UnitNorm: y = x / (|x| + 1e-8).

static const float unit_norm_epsilon = 1e-8f;

static void unit_norm_forward(float *y, float *norm, const float *x, ptrdiff_t n, ptrdiff_t k) {
  for (ptrdiff_t i = 0; i < n; i++) {
    const float *xi = x + i * k;
    norm[i] = square_root(dot(xi, xi, k));
    const float scale = 1 / (norm[i] + unit_norm_epsilon);  // one division a row, not one a vector
    VLM_FOR_VECTORS(j, part, k, put(y + i * k + j, get(xi + j, part) * scale, part););
  }
}

/// dx = dy / (|x| + ε) - y radial, with radial = (y.dy) / |x|.
static void unit_norm_backward(float *dx, const float *dy, const float *y, const float *norm, ptrdiff_t n, ptrdiff_t k,
                               int published) {
  for (ptrdiff_t i = 0; i < n; i++) {
    float along = dot(y + i * k, dy + i * k, k);
    float scale = 1 / (norm[i] + unit_norm_epsilon);
    float radial = published ? along * scale : norm[i] == 0 ? 0 : along / norm[i];
    VLM_FOR_VECTORS(j, part, k, {
      vf dxj = get(dy + i * k + j, part) * scale - get(y + i * k + j, part) * radial;
      put(dx + i * k + j, dxj, part);
    });
  }
}
